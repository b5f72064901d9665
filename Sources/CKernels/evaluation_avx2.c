// The evaluation's loops for AVX2 and FMA.

#define LANES 8
#define TABLE evaluation_kernels_avx2

#if defined(__x86_64__)
#include "evaluation_kernels.h"
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#include "transformer_vector.h"
#include "evaluation_loops.h"
#pragma clang attribute pop
#endif
