#include "instruction_sets.h"
#include "ternary_kernels.h"

#include <math.h>

// Few enough for counts of 32 bits.
enum { BLOCK = 1 << 20 };

// A bin's count is the difference of two counts of what lies at or beyond its edges: those need no
// table, so that the loop can be vectorised.
INLINE_BODY void census_of_block(const float *restrict weights, float scale,
                                 int8_t *restrict previous, size_t count, trit_counts *counts) {
    int32_t minus = 0, plus = 0, changed = 0, beyond[TRIT_DISTANCE_BINS + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        float ratio = weights[i] / scale;
        // 0.5 itself rounds to even, to 0.
        int32_t trit = (ratio > 0.5f) - (ratio < -0.5f);
        minus += trit < 0;
        plus += trit > 0;
        changed += trit != previous[i];
        previous[i] = (int8_t)trit;
        float distance = fabsf(fabsf(ratio) - 0.5f) * 20.0f;
        for (int b = 1; b < TRIT_DISTANCE_BINS; b++) beyond[b] += !(distance < (float)b);
    }
    beyond[0] = (int32_t)count;
    counts->minus += minus;
    counts->plus += plus;
    counts->zero += (int64_t)count - minus - plus;
    counts->changed += changed;
    for (int b = 0; b < TRIT_DISTANCE_BINS; b++)
        counts->distance_bins[b] += beyond[b] - beyond[b + 1];
}

INLINE_BODY void trit_census(const float *weights, float scale, int8_t *previous, size_t count,
                             trit_counts *counts) {
    for (size_t first = 0; first < count; first += BLOCK)
        census_of_block(weights + first, scale, previous + first,
                        count - first < BLOCK ? count - first : BLOCK, counts);
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void trit_census_##SET(const float *weights, float scale, int8_t *previous,         \
                                  size_t count, trit_counts *counts) {                         \
        trit_census(weights, scale, previous, count, counts);                                  \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
INSTANTIATE(avx512, TARGET_AVX512)
