#include "instruction_sets.h"
#include "vector_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

#define LANES 16

#define DEFINE_SUM(NAME, TERM)                                                                 \
    INLINE_BODY double NAME(const float *x, size_t count) {                                    \
        double sums[LANES] = {0};                                                              \
        size_t i = 0;                                                                          \
        for (; i + LANES <= count; i += LANES)                                                 \
            for (size_t j = 0; j < LANES; j++) {                                               \
                double value = x[i + j];                                                       \
                sums[j] += TERM;                                                               \
            }                                                                                  \
        for (size_t j = 0; i < count; i++, j++) {                                              \
            double value = x[i];                                                               \
            sums[j] += TERM;                                                                   \
        }                                                                                      \
        double sum = 0;                                                                        \
        for (size_t j = 0; j < LANES; j++) sum += sums[j];                                     \
        return sum;                                                                            \
    }                                                                                          \
    double NAME##_reference(const float *x, size_t count) { return NAME(x, count); }           \
    TARGET_AVX2 double NAME##_avx2(const float *x, size_t count) { return NAME(x, count); }    \
    TARGET_AVX512 double NAME##_avx512(const float *x, size_t count) { return NAME(x, count); }

DEFINE_SUM(squared_norm, value * value)
DEFINE_SUM(sum_of_magnitudes, fabs(value))
