#include "instruction_sets.h"
#include "quantizer_kernels.h"

#pragma STDC FP_CONTRACT OFF

INLINE_BODY void mix_ternary(const float *restrict weights, size_t count, float scale,
                             float strength, float *restrict mixed) {
    const float half_scale = 0.5f * scale, rest = 1.0f - strength;
    for (size_t i = 0; i < count; i++) {
        float weight = weights[i];
        // As ternary_quantize has it: above half of the scale is what rounds away from 0.
        float trit = (float)((weight > half_scale) - (weight < -half_scale));
        mixed[i] = rest * weight + strength * (scale * trit);
    }
}

INLINE_BODY void mix_codes(const float *restrict x, const int8_t *restrict codes,
                           const float *restrict scales, size_t rows, size_t columns,
                           float strength, float *restrict mixed) {
    const float rest = 1.0f - strength;
    for (size_t row = 0; row < rows; row++) {
        const float scale = scales[row];
        const size_t first = row * columns;
        for (size_t i = first; i < first + columns; i++)
            mixed[i] = rest * x[i] + strength * ((float)codes[i] / scale);
    }
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void mix_ternary_##SET(const float *weights, size_t count, float scale,             \
                                  float strength, float *mixed) {                              \
        mix_ternary(weights, count, scale, strength, mixed);                                   \
    }                                                                                          \
    TARGET void mix_codes_##SET(const float *x, const int8_t *codes, const float *scales,      \
                                size_t rows, size_t columns, float strength, float *mixed) {   \
        mix_codes(x, codes, scales, rows, columns, strength, mixed);                           \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
INSTANTIATE(avx512, TARGET_AVX512)
