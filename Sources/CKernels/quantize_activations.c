#include "instruction_sets.h"
#include "quantizer_kernels.h"

#include <math.h>

#pragma STDC FP_CONTRACT OFF

#define LANES 16

// NaN becomes the lowest code; the row's scale tells of it.
INLINE_BODY int8_t code_of(float value, float lowest, float highest) {
    float clipped = value > lowest ? value : lowest;
    clipped = clipped < highest ? clipped : highest;
    return (int8_t)(int32_t)rintf(clipped);
}

INLINE_BODY void encode_row(const float *x, size_t columns, float scale, float lowest,
                            float highest, int8_t *codes) {
    for (size_t i = 0; i < columns; i++) codes[i] = code_of(x[i] * scale, lowest, highest);
}

INLINE_BODY float sum_of_lanes(const float *lanes) {
    float sum = 0;
    for (size_t j = 0; j < LANES; j++) sum += lanes[j];
    return sum;
}

// Adding 0 * x carries a NaN, and turns an infinity into one, without a branch in the loop.
INLINE_BODY float largest_magnitude(const float *x, size_t columns) {
    float largest[LANES] = {0}, poison[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            float magnitude = fabsf(x[i + j]);
            largest[j] = magnitude > largest[j] ? magnitude : largest[j];
            poison[j] += magnitude * 0.0f;
        }
    }
    for (size_t j = 0; i < columns; i++, j++) {
        float magnitude = fabsf(x[i]);
        largest[j] = magnitude > largest[j] ? magnitude : largest[j];
        poison[j] += magnitude * 0.0f;
    }
    float result = 0;
    for (size_t j = 0; j < LANES; j++) result = largest[j] > result ? largest[j] : result;
    return result + sum_of_lanes(poison);
}

INLINE_BODY float mean_magnitude(const float *x, size_t columns) {
    float sums[LANES] = {0};
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES)
        for (size_t j = 0; j < LANES; j++) sums[j] += fabsf(x[i + j]);
    for (size_t j = 0; i < columns; i++, j++) sums[j] += fabsf(x[i]);
    return sum_of_lanes(sums) / (float)columns;
}

// Written so that NaN stays: the comparison with NaN is false.
INLINE_BODY float at_least_tiny(float value) { return value < 1e-5f ? 1e-5f : value; }

INLINE_BODY void quantize_a8(const float *x, size_t rows, size_t columns, int8_t *codes,
                             float *scales) {
    for (size_t row = 0; row < rows; row++) {
        const float *values = x + row * columns;
        float scale = 127.0f / at_least_tiny(largest_magnitude(values, columns));
        scales[row] = scale;
        encode_row(values, columns, scale, -128.0f, 127.0f, codes + row * columns);
    }
}

INLINE_BODY void quantize_a4(const float *x, size_t rows, size_t columns, int8_t *codes,
                             float *scales) {
    for (size_t row = 0; row < rows; row++) {
        const float *values = x + row * columns;
        float scale = 2.6457513110645906f / at_least_tiny(mean_magnitude(values, columns));
        scales[row] = scale;
        encode_row(values, columns, scale, -8.0f, 7.0f, codes + row * columns);
    }
}

#define INSTANTIATE(BITS, SET, TARGET)                                                         \
    TARGET void quantize_a##BITS##_##SET(const float *x, size_t rows, size_t columns,          \
                                         int8_t *codes, float *scales) {                       \
        quantize_a##BITS(x, rows, columns, codes, scales);                                     \
    }

INSTANTIATE(8, reference, )
INSTANTIATE(8, avx2, TARGET_AVX2)
INSTANTIATE(8, avx512, TARGET_AVX512)
INSTANTIATE(4, reference, )
INSTANTIATE(4, avx2, TARGET_AVX2)
INSTANTIATE(4, avx512, TARGET_AVX512)
