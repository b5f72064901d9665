#include "codes_avx512.h"
#include "packed_rows.h"

// Rows lie in lanes, so that no sum crosses them; one broadcast of four codes serves four vectors.
// vpdpbusd wants its unsigned operand first: weights are stored with an offset, which is taken off
// at the end by the sum of the codes.
enum {
    PANEL = PACKED_ROWS_PANEL,
    BLOCK = PACKED_ROWS_BLOCK,
    VECTORS = 4,
    INT8_TOKENS = 3,
    INT4_TOKENS = 2,
    INT4_BLOCK_BYTES = PANEL * BLOCK / 2 + PANEL * 2,
    // Lines come to the second-level cache from beyond the page where the hardware ends its streams,
    // and to the first from nearer; see packed_product_avx512.c.
    FAR_BYTES = 16384,
    NEAR_BYTES = 2048,
};

#define INLINE_KERNEL TARGET_AVX512 static inline __attribute__((always_inline))

INLINE_KERNEL void fetch(const uint8_t *line) {
    _mm_prefetch(line + FAR_BYTES, _MM_HINT_T1);
    _mm_prefetch(line + NEAR_BYTES, _MM_HINT_T0);
}

INLINE_KERNEL void store_rows(float *y, __m512 value, size_t first, size_t width) {
    if (first >= width) return;
    size_t rest = width - first;
    __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
    _mm512_mask_storeu_ps(y + first, mask, value);
}

INLINE_KERNEL void int8_tile(const int tokens, const packed_rows_operands *o, size_t t0,
                             const uint8_t *panel, size_t padded, float *y, size_t width) {
    __m512i upper[INT8_TOKENS][VECTORS], lower[INT8_TOKENS][VECTORS];
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) upper[t][v] = lower[t][v] = _mm512_setzero_si512();
    const int8_t *high = o->high + t0 * padded, *low = o->low + t0 * padded;
    for (size_t k = 0; k < padded; k += 4) {
        const uint8_t *group = panel + k * 64;
        __m512i weights[VECTORS];
        for (int v = 0; v < VECTORS; v++) {
            fetch(group + v * 64);
            weights[v] = _mm512_loadu_si512(group + v * 64);
        }
        for (int t = 0; t < tokens; t++) {
            __m512i h = four_codes(high + (size_t)t * padded + k);
            __m512i l = four_codes(low + (size_t)t * padded + k);
            for (int v = 0; v < VECTORS; v++) {
                upper[t][v] = _mm512_dpbusd_epi32(upper[t][v], weights[v], h);
                lower[t][v] = _mm512_dpbusd_epi32(lower[t][v], weights[v], l);
            }
        }
    }
    const float *scales = (const float *)(const void *)(panel + padded * 64);
    for (int t = 0; t < tokens; t++) {
        __m512i high_sum =
            _mm512_set1_epi32(128 * sum_of_codes(high + (size_t)t * padded, padded));
        __m512i low_sum = _mm512_set1_epi32(128 * sum_of_codes(low + (size_t)t * padded, padded));
        __m512 inverse = _mm512_set1_ps(o->inverse_scales[t0 + (size_t)t]);
        for (int v = 0; v < VECTORS; v++) {
            __m512 u = _mm512_cvtepi32_ps(_mm512_sub_epi32(upper[t][v], high_sum));
            __m512 l = _mm512_cvtepi32_ps(_mm512_sub_epi32(lower[t][v], low_sum));
            __m512 factor = _mm512_mul_ps(_mm512_loadu_ps(scales + v * 16), inverse);
            __m512 sum = _mm512_add_ps(_mm512_mul_ps(u, _mm512_set1_ps(256)), l);
            store_rows(y + (size_t)t * o->rows, _mm512_mul_ps(sum, factor), (size_t)v * 16, width);
        }
    }
}

INLINE_KERNEL void int4_tile(const int tokens, const packed_rows_operands *o, size_t t0,
                             const uint8_t *panel, size_t padded, float *y, size_t width) {
    const __m512i nibble = _mm512_set1_epi8(15);
    const __m512i ones = _mm512_set1_epi8(8);
    __m512 sums[INT4_TOKENS][VECTORS];
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm512_setzero_ps();
    const int8_t *high = o->high + t0 * padded, *low = o->low + t0 * padded;
    for (size_t k = 0; k < padded; k += BLOCK, panel += INT4_BLOCK_BYTES) {
        // The offset, 8 times the block's codes, starts the sums with its negative.
        __m512i upper[INT4_TOKENS][VECTORS], lower[INT4_TOKENS][VECTORS];
        for (int t = 0; t < tokens; t++) {
            __m512i h = _mm512_setzero_si512(), l = h;
            for (size_t c = 0; c < BLOCK; c += 4) {
                h = _mm512_dpbusd_epi32(h, ones, four_codes(high + (size_t)t * padded + k + c));
                l = _mm512_dpbusd_epi32(l, ones, four_codes(low + (size_t)t * padded + k + c));
            }
            for (int v = 0; v < VECTORS; v++) {
                upper[t][v] = _mm512_sub_epi32(_mm512_setzero_si512(), h);
                lower[t][v] = _mm512_sub_epi32(_mm512_setzero_si512(), l);
            }
        }
        for (size_t g = 0; g < BLOCK / 8; g++) {
            const uint8_t *group = panel + g * 256;
            for (int v = 0; v < VECTORS; v++) {
                fetch(group + v * 64);
                __m512i packed = _mm512_loadu_si512(group + v * 64);
                __m512i first = _mm512_and_si512(packed, nibble);
                __m512i second = _mm512_and_si512(_mm512_srli_epi16(packed, 4), nibble);
                for (int t = 0; t < tokens; t++) {
                    const int8_t *h = high + (size_t)t * padded + k + g * 8;
                    const int8_t *l = low + (size_t)t * padded + k + g * 8;
                    upper[t][v] = _mm512_dpbusd_epi32(upper[t][v], first, four_codes(h));
                    upper[t][v] = _mm512_dpbusd_epi32(upper[t][v], second, four_codes(h + 4));
                    lower[t][v] = _mm512_dpbusd_epi32(lower[t][v], first, four_codes(l));
                    lower[t][v] = _mm512_dpbusd_epi32(lower[t][v], second, four_codes(l + 4));
                }
            }
        }
        const uint8_t *scales = panel + PANEL * BLOCK / 2;
        for (int v = 0; v < VECTORS; v++) {
            __m512 scale = _mm512_cvtph_ps(
                _mm256_loadu_si256((const __m256i *)(const void *)(scales + v * 32)));
            for (int t = 0; t < tokens; t++) {
                __m512i exact =
                    _mm512_add_epi32(_mm512_slli_epi32(upper[t][v], 8), lower[t][v]);
                sums[t][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(exact), scale, sums[t][v]);
            }
        }
    }
    for (int t = 0; t < tokens; t++) {
        __m512 inverse = _mm512_set1_ps(o->inverse_scales[t0 + (size_t)t]);
        for (int v = 0; v < VECTORS; v++)
            store_rows(y + (size_t)t * o->rows, _mm512_mul_ps(sums[t][v], inverse),
                       (size_t)v * 16, width);
    }
}

TARGET_AVX512 void packed_rows_int8_avx512(const packed_rows_operands *o, size_t first,
                                           size_t last) {
    size_t padded = (o->columns + BLOCK - 1) / BLOCK * BLOCK;
    size_t panel_bytes = packed_rows_int8_panel_bytes(o->columns);
    for (size_t p = first; p < last; p++) {
        const uint8_t *panel = o->packed + p * panel_bytes;
        size_t width = o->rows - p * PANEL < PANEL ? o->rows - p * PANEL : PANEL;
        for (size_t t = 0; t < o->m; t += INT8_TOKENS) {
            float *y = o->y + t * o->rows + p * PANEL;
            switch (o->m - t) {
            case 1: int8_tile(1, o, t, panel, padded, y, width); break;
            case 2: int8_tile(2, o, t, panel, padded, y, width); break;
            default: int8_tile(3, o, t, panel, padded, y, width); break;
            }
        }
    }
}

TARGET_AVX512 void packed_rows_int4_avx512(const packed_rows_operands *o, size_t first,
                                           size_t last) {
    size_t padded = (o->columns + BLOCK - 1) / BLOCK * BLOCK;
    size_t panel_bytes = packed_rows_int4_panel_bytes(o->columns);
    for (size_t p = first; p < last; p++) {
        const uint8_t *panel = o->packed + p * panel_bytes;
        size_t width = o->rows - p * PANEL < PANEL ? o->rows - p * PANEL : PANEL;
        for (size_t t = 0; t < o->m; t += INT4_TOKENS) {
            float *y = o->y + t * o->rows + p * PANEL;
            if (o->m - t == 1) int4_tile(1, o, t, panel, padded, y, width);
            else int4_tile(2, o, t, panel, padded, y, width);
        }
    }
}
