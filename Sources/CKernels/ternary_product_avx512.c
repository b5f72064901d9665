#include "codes_avx512.h"

#define TARGET TARGET_AVX512
#define TILE_TOKENS 6
#define TILE_ROWS 64
#include "ternary_product_blocks.h"

// A tile is six tokens by one panel of 64 rows: 24 accumulators, four vectors of trits and one
// broadcast of four codes fill the registers. vpdpbusd wants its unsigned operand first, so the
// trits are stored as trit + 1 and the sum of the codes is taken off at the end.
enum { VECTORS = TILE_ROWS / 16 };

INLINE_KERNEL void tile(const int tokens, const int8_t *codes, size_t columns,
                        const uint8_t *panel, const int32_t *code_sums, const float *factors,
                        float *y, size_t y_stride, size_t width) {
    __m512i sums[TILE_TOKENS][VECTORS];
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm512_set1_epi32(-code_sums[t]);
    const int8_t *low = codes, *high = codes + 3 * columns;
    size_t whole = columns / 4;
    for (size_t g = 0; g < whole; g++, panel += 256, low += 4, high += 4) {
        __m512i trits[VECTORS];
        for (int v = 0; v < VECTORS; v++) trits[v] = _mm512_load_si512(panel + 64 * v);
        for (int t = 0; t < tokens; t++) {
            const int8_t *at = t < 3 ? low + (size_t)t * columns : high + (size_t)(t - 3) * columns;
            __m512i four = four_codes(at);
            for (int v = 0; v < VECTORS; v++)
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], trits[v], four);
        }
    }
    if (columns % 4 != 0) {
        for (int t = 0; t < tokens; t++) {
            int8_t tail[4] = {0};
            memcpy(tail, codes + (size_t)t * columns + whole * 4, columns % 4);
            __m512i four = four_codes(tail);
            for (int v = 0; v < VECTORS; v++)
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], _mm512_load_si512(panel + 64 * v),
                                                 four);
        }
    }
    for (int t = 0; t < tokens; t++) {
        __m512 factor = _mm512_set1_ps(factors[t]);
        for (int v = 0; v < VECTORS; v++) {
            size_t first = (size_t)v * 16;
            if (first >= width) break;
            __mmask16 mask =
                width - first >= 16 ? 0xFFFF : (__mmask16)((1u << (width - first)) - 1);
            __m512 value = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[t][v]), factor);
            _mm512_mask_storeu_ps(y + (size_t)t * y_stride + first, mask, value);
        }
    }
}

TARGET void ternary_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                                   size_t columns, const uint8_t *packed, float scale,
                                   size_t rows, size_t first_panel, size_t last_panel, float *y,
                                   size_t y_stride) {
    ternary_product(codes, code_scales, m, columns, packed, scale, rows, first_panel, last_panel, y,
                    y_stride);
}
