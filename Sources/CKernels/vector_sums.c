#include "instruction_sets.h"
#include "vector_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

// Four vectors of doubles, or eight of half the width: enough sums in flight that one addition need not
// wait for the one before.
#define LANES 32

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

// What rounding to trits leaves over; 0.5 itself rounds to even, to 0.
INLINE_BODY double rounding_error_of(float weight, float scale) {
    float ratio = weight / scale;
    int trit = (ratio > 0.5f) - (ratio < -0.5f);
    double error = (double)weight - (double)scale * trit;
    return error * error;
}

INLINE_BODY double squared_rounding_error(const float *x, size_t count, float scale) {
    double sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (size_t j = 0; j < LANES; j++) sums[j] += rounding_error_of(x[i + j], scale);
    for (size_t j = 0; i < count; i++, j++) sums[j] += rounding_error_of(x[i], scale);
    double sum = 0;
    for (size_t j = 0; j < LANES; j++) sum += sums[j];
    return sum;
}

double squared_rounding_error_reference(const float *x, size_t count, float scale) {
    return squared_rounding_error(x, count, scale);
}

TARGET_AVX2 double squared_rounding_error_avx2(const float *x, size_t count, float scale) {
    return squared_rounding_error(x, count, scale);
}

TARGET_AVX512 double squared_rounding_error_avx512(const float *x, size_t count, float scale) {
    return squared_rounding_error(x, count, scale);
}

DEFINE_SUM(squared_norm, value * value)
DEFINE_SUM(sum_of_magnitudes, fabs(value))
