#include "instruction_sets.h"
#include "ternary_kernels.h"

#include <math.h>

// A bin's count is the difference of two counts of what lies at or beyond its edges: those need no
// table, so that the loop can be vectorised.
INLINE_BODY void census_of_block(const float *restrict weights, float scale,
                                 uint8_t *restrict previous, size_t count, trit_counts *counts) {
    enum { QUARTER = TRIT_CENSUS_BLOCK / 4 };
    int32_t minus = 0, plus = 0, changed = 0, beyond[TRIT_DISTANCE_BINS + 1] = {0};
    uint8_t shifted[TRIT_CENSUS_BLOCK]; // trit + 1
    for (size_t i = count; i < TRIT_CENSUS_BLOCK; i++) shifted[i] = 1;
    for (size_t i = 0; i < count; i++) {
        float ratio = weights[i] / scale;
        // 0.5 itself rounds to even, to 0.
        int32_t trit = (ratio > 0.5f) - (ratio < -0.5f);
        minus += trit < 0;
        plus += trit > 0;
        shifted[i] = (uint8_t)(trit + 1);
        float distance = fabsf(fabsf(ratio) - 0.5f) * 20.0f;
        for (int b = 1; b < TRIT_DISTANCE_BINS; b++) beyond[b] += !(distance < (float)b);
    }
    for (size_t i = 0; i < QUARTER; i++) {
        uint8_t byte = (uint8_t)(shifted[i] | shifted[i + QUARTER] << 2 |
                                 shifted[i + 2 * QUARTER] << 4 | shifted[i + 3 * QUARTER] << 6);
        int32_t differs = byte ^ previous[i];
        differs |= differs >> 1;
        changed += (differs & 1) + (differs >> 2 & 1) + (differs >> 4 & 1) + (differs >> 6 & 1);
        previous[i] = byte;
    }
    beyond[0] = (int32_t)count;
    counts->minus += minus;
    counts->plus += plus;
    counts->zero += (int64_t)count - minus - plus;
    counts->changed += changed;
    for (int b = 0; b < TRIT_DISTANCE_BINS; b++)
        counts->distance_bins[b] += beyond[b] - beyond[b + 1];
}

INLINE_BODY void trit_census(const float *weights, float scale, uint8_t *previous, size_t count,
                             trit_counts *counts) {
    for (size_t first = 0; first < count; first += TRIT_CENSUS_BLOCK)
        census_of_block(weights + first, scale, previous + first / 4,
                        count - first < TRIT_CENSUS_BLOCK ? count - first : TRIT_CENSUS_BLOCK,
                        counts);
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void trit_census_##SET(const float *weights, float scale, uint8_t *previous,        \
                                  size_t count, trit_counts *counts) {                         \
        trit_census(weights, scale, previous, count, counts);                                  \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
INSTANTIATE(avx512, TARGET_AVX512)
