#include "instruction_sets.h"
#include "ternary_kernels.h"

// round(w / scale) to even is 1 exactly when w / scale > 0.5, which is when w > scale / 2: halving is
// exact, and a float above scale / 2 is so far above it that the rounded quotient is above 0.5 too.
// A NaN becomes 0: the absmean scale, which is then NaN, carries it to every output.
INLINE_BODY uint8_t shifted_trit(float weight, float half_scale) {
    return (uint8_t)(1 + (weight > half_scale) - (weight < -half_scale));
}

INLINE_BODY void ternary_quantize(const float *weights, size_t columns, size_t first_row,
                                  size_t last_row, float scale, uint8_t *packed) {
    size_t groups = (columns + 3) / 4;
    size_t padded_last = (last_row + TERNARY_PANEL_ROWS - 1) / TERNARY_PANEL_ROWS *
                         TERNARY_PANEL_ROWS;
    for (size_t row = first_row; row < padded_last; row++) {
        uint8_t *panel = packed + row / TERNARY_PANEL_ROWS * groups * 256 +
                         row % TERNARY_PANEL_ROWS * 4;
        const float *source = weights + row * columns;
        for (size_t start = 0; start < columns; start += 64) {
            size_t width = columns - start < 64 ? columns - start : 64;
            uint8_t bytes[64];
            for (size_t i = 0; i < 64; i++) bytes[i] = 1;
            if (row < last_row) {
                for (size_t i = 0; i < width; i++)
                    bytes[i] = shifted_trit(source[start + i], 0.5f * scale);
            }
            for (size_t i = 0; i < width; i += 4)
                __builtin_memcpy(panel + (start + i) / 4 * 256, bytes + i, 4);
        }
    }
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void ternary_quantize_##SET(const float *weights, size_t columns, size_t first_row, \
                                       size_t last_row, float scale, uint8_t *packed) {        \
        ternary_quantize(weights, columns, first_row, last_row, scale, packed);                \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)

#define DEFINE_UNPACK(NAME, TYPE)                                                              \
    void NAME(const uint8_t *packed, size_t columns, size_t row, TYPE *trits) {                \
        const uint8_t *panel = packed +                                                        \
                               row / TERNARY_PANEL_ROWS * ((columns + 3) / 4) * 256 +          \
                               row % TERNARY_PANEL_ROWS * 4;                                   \
        for (size_t i = 0; i < columns; i++)                                                   \
            trits[i] = (TYPE)(panel[i / 4 * 256 + i % 4] - 1);                                 \
    }

DEFINE_UNPACK(ternary_unpack_row, int8_t)
DEFINE_UNPACK(ternary_unpack_row_to_floats, float)
