#include "codes_avx512.h"
#include "packed_kernels.h"

// One load brings four vectors of trits. They are not shifted down: masked where they stand they
// count 1, 4, 16 and 64-fold, and the sums are shifted once at the end.
enum { TILE_TOKENS = 6, VECTORS = 4, DIRECT_TOKENS = 18 };

// Few tokens leave the accumulators waiting for each other; then several groups take turns.
TARGET_AVX512 static inline __attribute__((always_inline)) void tile(
    const int tokens, const int turns, const int8_t *codes, size_t columns,
    const uint8_t *panel, const float *factors, const int32_t *code_sums, float *y,
    size_t y_stride, size_t width) {
    __m512i sums[4][TILE_TOKENS][VECTORS];
    __m512i masks[VECTORS] = {_mm512_set1_epi8(0x03), _mm512_set1_epi8(0x0C),
                              _mm512_set1_epi8(0x30), _mm512_set1_epi8((char)0xC0)};
    for (int u = 0; u < turns; u++)
        for (int t = 0; t < tokens; t++)
            for (int v = 0; v < VECTORS; v++) sums[u][t][v] = _mm512_setzero_si512();
    size_t whole = columns / 4, g = 0;
    for (; g + (size_t)turns <= whole; g += (size_t)turns) {
        for (int u = 0; u < turns; u++) {
            __m512i packed = _mm512_load_si512(panel + (g + (size_t)u) * 64);
            __m512i trits[VECTORS];
            for (int v = 0; v < VECTORS; v++) trits[v] = _mm512_and_si512(packed, masks[v]);
            for (int t = 0; t < tokens; t++) {
                __m512i four = four_codes(codes + (size_t)t * columns + (g + (size_t)u) * 4);
                for (int v = 0; v < VECTORS; v++)
                    sums[u][t][v] = _mm512_dpbusd_epi32(sums[u][t][v], trits[v], four);
            }
        }
    }
    for (; g * 4 < columns; g++) {
        __m512i packed = _mm512_load_si512(panel + g * 64);
        size_t count = columns - g * 4 < 4 ? columns - g * 4 : 4;
        for (int t = 0; t < tokens; t++) {
            int8_t tail[4] = {0};
            memcpy(tail, codes + (size_t)t * columns + g * 4, count);
            __m512i four = four_codes(tail);
            for (int v = 0; v < VECTORS; v++)
                sums[0][t][v] = _mm512_dpbusd_epi32(sums[0][t][v],
                                                    _mm512_and_si512(packed, masks[v]), four);
        }
    }
    for (int t = 0; t < tokens; t++) {
        __m512 factor = _mm512_set1_ps(factors[t]);
        __m512i code_sum = _mm512_set1_epi32(code_sums[t]);
        for (int v = 0; v < VECTORS && (size_t)v * 16 < width; v++) {
            __m512i sum = sums[0][t][v];
            for (int u = 1; u < turns; u++) sum = _mm512_add_epi32(sum, sums[u][t][v]);
            sum = _mm512_sub_epi32(_mm512_srai_epi32(sum, (unsigned)(2 * v)), code_sum);
            size_t rest = width - (size_t)v * 16;
            __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
            _mm512_mask_storeu_ps(y + (size_t)t * y_stride + v * 16, mask,
                                  _mm512_mul_ps(_mm512_cvtepi32_ps(sum), factor));
        }
    }
}

TARGET_AVX512 void packed_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                                         size_t columns, const uint8_t *packed, float scale,
                                         size_t rows, size_t first_panel, size_t last_panel,
                                         float *y, uint8_t *scratch) {
    if (m > DIRECT_TOKENS) {
        packed_product_expanded(codes, code_scales, m, columns, packed, scale, rows, first_panel,
                                last_panel, y, scratch);
        return;
    }
    int32_t code_sums[DIRECT_TOKENS];
    float factors[DIRECT_TOKENS];
    for (size_t t = 0; t < m; t++) {
        code_sums[t] = sum_of_codes(codes + t * columns, columns);
        factors[t] = scale / code_scales[t];
    }
    size_t panel_bytes = (columns + 3) / 4 * 64;
    for (size_t p = first_panel; p < last_panel; p++) {
        const uint8_t *panel = packed + p * panel_bytes;
        size_t width = rows - p * 64 < 64 ? rows - p * 64 : 64;
        for (size_t t = 0; t < m; t += TILE_TOKENS) {
            const int8_t *at = codes + t * columns;
            const float *f = factors + t;
            const int32_t *s = code_sums + t;
            float *to = y + t * rows + p * 64;
            switch (m - t) {
            case 1: tile(1, 4, at, columns, panel, f, s, to, rows, width); break;
            case 2: tile(2, 2, at, columns, panel, f, s, to, rows, width); break;
            case 3: tile(3, 2, at, columns, panel, f, s, to, rows, width); break;
            case 4: tile(4, 1, at, columns, panel, f, s, to, rows, width); break;
            case 5: tile(5, 1, at, columns, panel, f, s, to, rows, width); break;
            default: tile(6, 1, at, columns, panel, f, s, to, rows, width); break;
            }
        }
    }
}
