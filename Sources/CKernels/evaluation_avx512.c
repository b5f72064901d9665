// The evaluation's loops for AVX-512.

#define LANES 16
#define TABLE evaluation_kernels_avx512

#if defined(__x86_64__)
#include "evaluation_kernels.h"
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"), min_vector_width(512))), apply_to = function)
#include "transformer_vector.h"
#include "evaluation_loops.h"
#pragma clang attribute pop
#endif
