#include "exp_of_non_positive_avx512.h"
#include "include/loss_kernels.h"

#define LANES 16
#define EXP(x) ((vfloat)exp_of_non_positive((__m512)(x)))

// As TARGET_AVX512, which cannot be named here.
#pragma clang attribute push(                                                                  \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16"), min_vector_width(512))), apply_to = function)
#include "transformer_vector.h"
#include "head_loss_dense_loops.h"

void head_loss_dense_rows_avx512(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  dense_rows(chunk, first, last);
}
#pragma clang attribute pop
