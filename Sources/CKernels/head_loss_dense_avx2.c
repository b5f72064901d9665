#include "exp_of_non_positive_avx2.h"
#include "include/loss_kernels.h"

#define LANES 8
#define EXP(x) ((vfloat)exp_of_non_positive((__m256)(x)))

// As TARGET_AVX2, which cannot be named here.
#pragma clang attribute push(                                                                  \
    __attribute__((target("avx2,fma,f16c"))), apply_to = function)
#include "transformer_vector.h"
#include "head_loss_dense_loops.h"

void head_loss_dense_rows_avx2(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  dense_rows(chunk, first, last);
}
#pragma clang attribute pop
