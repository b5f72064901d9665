// The blocking that both precisions share. Included by product_fp32_avx512.c and
// product_bf16_avx512.c, which define
//   WORD_DEPTH                       k per word, 1 or 2
//   multiply_add(sum, left, right)   one word of every lane
//   pack_left_rows, pack_left_columns, pack_right_rows, pack_right_columns, pack_right_bf16,
//   pack_right_codes, pack_right_trits
//
// Packed left:        [rows][LEFT_STRIDE words]
// Packed right panel: [words][64]
//
// For every block of k, for every block of rows: pack left, then for every panel of 64 columns pack
// right and walk down the rows, six at a time. A packed panel (128 KiB) stays in the second-level
// cache, six packed rows (12 KiB) in the first.
#ifndef CKERNELS_PRODUCT_BLOCKS_H
#define CKERNELS_PRODUCT_BLOCKS_H

#include "instruction_sets.h"
#include "product_kernels.h"
#include "ternary_kernels.h"
#include "transpose_words.h"

#include <immintrin.h>

#define KERNEL TARGET_AVX512 static
#define INLINE_KERNEL TARGET_AVX512 static inline __attribute__((always_inline))

enum {
    BLOCK_DEPTH = PRODUCT_BLOCK_WORDS * WORD_DEPTH,
    LEFT_STRIDE = PRODUCT_BLOCK_WORDS,
    PANEL = PRODUCT_PANEL_COLUMNS,
    VECTORS = PRODUCT_PANEL_COLUMNS / 16,
};

INLINE_KERNEL __mmask16 first_lanes(size_t count) {
    return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

// Sixteen rows (k) by sixteen columns of packed trits, as bytes trit + 1: bytes[k][column].
INLINE_KERNEL void trit_square(const uint8_t *groups, size_t group_count, uint8_t bytes[16][16]) {
    __m512i g[4];
    for (size_t i = 0; i < 4; i++)
        g[i] = i < group_count ? _mm512_load_si512(groups + i * 256) : _mm512_set1_epi8(1);
    __m512i low01 = _mm512_unpacklo_epi32(g[0], g[1]), high01 = _mm512_unpackhi_epi32(g[0], g[1]);
    __m512i low23 = _mm512_unpacklo_epi32(g[2], g[3]), high23 = _mm512_unpackhi_epi32(g[2], g[3]);
    __m512i rows[4] = {
        _mm512_unpacklo_epi64(low01, low23), _mm512_unpackhi_epi64(low01, low23),
        _mm512_unpacklo_epi64(high01, high23), _mm512_unpackhi_epi64(high01, high23)};
    // Lane l of rows[i] is row 4 l + i.
    for (int i = 0; i < 4; i++) {
        _mm_store_si128((__m128i *)bytes[i], _mm512_extracti32x4_epi32(rows[i], 0));
        _mm_store_si128((__m128i *)bytes[4 + i], _mm512_extracti32x4_epi32(rows[i], 1));
        _mm_store_si128((__m128i *)bytes[8 + i], _mm512_extracti32x4_epi32(rows[i], 2));
        _mm_store_si128((__m128i *)bytes[12 + i], _mm512_extracti32x4_epi32(rows[i], 3));
    }
}

INLINE_KERNEL __m512 multiply_add(__m512 sum, __m512i left, __m512i right);

INLINE_KERNEL void tile(const int rows, const uint32_t *left, const uint32_t *panel,
                        size_t words, float *y, size_t y_stride, size_t width, float scale,
                        int accumulate) {
    __m512 sums[PRODUCT_TILE_ROWS][VECTORS];
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_setzero_ps();
    for (size_t w = 0; w < words; w++, panel += PANEL) {
        __m512i right[VECTORS];
        for (int v = 0; v < VECTORS; v++) right[v] = _mm512_load_si512(panel + 16 * v);
        for (int r = 0; r < rows; r++) {
            __m512i one = _mm512_set1_epi32((int32_t)left[r * LEFT_STRIDE + w]);
            for (int v = 0; v < VECTORS; v++) sums[r][v] = multiply_add(sums[r][v], one, right[v]);
        }
    }
    __m512 factor = _mm512_set1_ps(scale);
    for (int r = 0; r < rows; r++) {
        for (int v = 0; v < VECTORS; v++) {
            if ((size_t)v * 16 >= width) break;
            __mmask16 mask = first_lanes(width - (size_t)v * 16);
            float *to = y + (size_t)r * y_stride + v * 16;
            __m512 value = _mm512_mul_ps(sums[r][v], factor);
            if (accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), value);
            _mm512_mask_storeu_ps(to, mask, value);
        }
    }
}

KERNEL void tiles(size_t row_count, const uint32_t *left, size_t words, const uint32_t *panel,
                  float *y, size_t y_stride, size_t width, float scale, int accumulate) {
    for (size_t r = 0; r < row_count; r += PRODUCT_TILE_ROWS) {
        const uint32_t *at = left + r * LEFT_STRIDE;
        float *to = y + r * y_stride;
#define TILE(ROWS)                                                                             \
    tile(ROWS, at, panel, words, to, y_stride, width, scale, accumulate)
        switch (row_count - r) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        case 4: TILE(4); break;
        case 5: TILE(5); break;
        default: TILE(6); break;
        }
#undef TILE
    }
}

KERNEL void pack_left_rows(const float *rows, size_t stride, size_t row_count, size_t depth,
                           uint32_t *packed);
KERNEL void pack_left_columns(const float *rows, size_t stride, const float *divisors,
                              size_t row_count, size_t depth, uint32_t *packed);
KERNEL void pack_right_rows(const float *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel);
KERNEL void pack_right_columns(const float *rows, size_t stride, size_t width, size_t depth,
                               uint32_t *panel);
KERNEL void pack_right_bf16(const uint16_t *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel);
KERNEL void pack_right_codes(const int8_t *rows, size_t stride, size_t width, size_t depth,
                             uint32_t *panel);
KERNEL void pack_right_trits(const uint8_t *packed, size_t groups, size_t first_k,
                             size_t first_column, size_t depth, uint32_t *panel);

KERNEL void pack_left(const product_operands *o, size_t first_row, size_t row_count,
                      size_t first_k, size_t depth, uint32_t *packed) {
    if (o->left_kind == PRODUCT_LEFT_ROWS)
        pack_left_rows(o->left + first_row * o->left_stride + first_k, o->left_stride, row_count,
                       depth, packed);
    else
        pack_left_columns(o->left + first_k * o->left_stride + first_row, o->left_stride,
                          o->left_divisors ? o->left_divisors + first_k : NULL, row_count, depth,
                          packed);
}

KERNEL void pack_right(const product_operands *o, size_t first_column, size_t width,
                       size_t first_k, size_t depth, uint32_t *panel) {
    const float *values = o->right;
    switch (o->right_kind) {
    case PRODUCT_RIGHT_ROWS:
        pack_right_rows(values + first_k * o->right_stride + first_column, o->right_stride, width,
                        depth, panel);
        break;
    case PRODUCT_RIGHT_COLUMNS:
        pack_right_columns(values + first_column * o->right_stride + first_k, o->right_stride,
                           width, depth, panel);
        break;
    case PRODUCT_RIGHT_BF16:
        pack_right_bf16((const uint16_t *)o->right + first_column * o->right_stride + first_k,
                        o->right_stride, width, depth, panel);
        break;
    case PRODUCT_RIGHT_CODES:
        pack_right_codes((const int8_t *)o->right + first_k * o->right_stride + first_column,
                         o->right_stride, width, depth, panel);
        break;
    case PRODUCT_RIGHT_TRITS:
        pack_right_trits(o->right, (o->right_stride + 3) / 4, first_k, first_column, depth, panel);
        break;
    }
}

KERNEL void product_part(const product_operands *o, size_t first_row, size_t last_row,
                         size_t first_column, size_t last_column, void *scratch) {
    uint32_t *panel = scratch;
    uint32_t *left = panel + PRODUCT_BLOCK_WORDS * PANEL;
    for (size_t k = 0; k < o->k; k += BLOCK_DEPTH) {
        size_t depth = o->k - k < BLOCK_DEPTH ? o->k - k : BLOCK_DEPTH;
        size_t words = (depth + WORD_DEPTH - 1) / WORD_DEPTH;
        int accumulate = o->accumulate || k > 0;
        for (size_t row = first_row; row < last_row; row += PRODUCT_BLOCK_ROWS) {
            size_t row_count = last_row - row < PRODUCT_BLOCK_ROWS ? last_row - row
                                                                    : PRODUCT_BLOCK_ROWS;
            pack_left(o, row, row_count, k, depth, left);
            for (size_t column = first_column; column < last_column; column += PANEL) {
                size_t width = last_column - column < PANEL ? last_column - column : PANEL;
                pack_right(o, column, width, k, depth, panel);
                tiles(row_count, left, words, panel, o->y + row * o->y_stride + column,
                      o->y_stride, width, o->scale, accumulate);
            }
        }
    }
}

#endif
