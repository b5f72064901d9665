#include "instruction_sets.h"
#include "quantizer_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

// One pass per power of two: (a, b) becomes (a + b, a - b) at distance `half`.
INLINE_BODY void butterflies(float *values, size_t block, size_t half) {
    for (size_t start = 0; start < block; start += 2 * half) {
        float *low = values + start, *high = low + half;
        for (size_t i = 0; i < half; i++) {
            float a = low[i], b = high[i];
            low[i] = a + b;
            high[i] = a - b;
        }
    }
}

INLINE_BODY void hadamard(float *x, size_t rows, size_t columns, size_t block) {
    float scale = 1.0f / sqrtf((float)block);
    for (size_t start = 0; start < rows * columns; start += block) {
        float *values = x + start;
        // The small distances are written out, so that the compiler vectorises across them.
        if (block >= 16) {
            for (size_t i = 0; i < block; i += 16) {
                butterflies(values + i, 16, 1);
                butterflies(values + i, 16, 2);
                butterflies(values + i, 16, 4);
                butterflies(values + i, 16, 8);
            }
            for (size_t half = 16; half < block; half *= 2) butterflies(values, block, half);
        } else {
            for (size_t half = 1; half < block; half *= 2) butterflies(values, block, half);
        }
        for (size_t i = 0; i < block; i++) values[i] *= scale;
    }
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void hadamard_##SET(float *x, size_t rows, size_t columns, size_t block) {          \
        hadamard(x, rows, columns, block);                                                     \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
