// The loops around a tile of the integer product. Included by ternary_product_avx2.c and
// ternary_product_avx512.c, which define
//   TARGET                   the instruction set's attribute
//   TILE_TOKENS, TILE_ROWS   what a tile is, TILE_ROWS a divisor of 64
//   tile, sum_of_codes
#ifndef CKERNELS_TERNARY_PRODUCT_BLOCKS_H
#define CKERNELS_TERNARY_PRODUCT_BLOCKS_H

#include "instruction_sets.h"
#include "ternary_kernels.h"

#define INLINE_KERNEL TARGET static inline __attribute__((always_inline))

// `tokens` rows of codes times `width` rows of trits, which lie 256 bytes a group of four columns.
INLINE_KERNEL void tile(const int tokens, const int8_t *codes, size_t columns,
                        const uint8_t *trits, const int32_t *code_sums, const float *factors,
                        float *y, size_t y_stride, size_t width);

// What the trits, stored as trit + 1, add too much.
TARGET static int32_t sum_of_codes(const int8_t *codes, size_t columns);

INLINE_KERNEL void ternary_product(const int8_t *codes, const float *code_scales, size_t m,
                                   size_t columns, const uint8_t *packed, float scale,
                                   size_t rows, size_t first_panel, size_t last_panel, float *y,
                                   size_t y_stride) {
    // Blocks of tokens keep their codes in the second-level cache while all panels pass by.
    enum { BLOCK_TOKENS = 96 };
    size_t panel_bytes = (columns + 3) / 4 * 256;
    size_t last_row = last_panel * 64 < rows ? last_panel * 64 : rows;
    for (size_t first = 0; first < m; first += BLOCK_TOKENS) {
        size_t count = m - first < BLOCK_TOKENS ? m - first : BLOCK_TOKENS;
        int32_t code_sums[BLOCK_TOKENS];
        float factors[BLOCK_TOKENS];
        for (size_t t = 0; t < count; t++) {
            code_sums[t] = sum_of_codes(codes + (first + t) * columns, columns);
            factors[t] = scale / code_scales[first + t];
        }
        for (size_t row = first_panel * 64; row < last_row; row += TILE_ROWS) {
            const uint8_t *trits = packed + row / 64 * panel_bytes + row % 64 * 4;
            size_t width = last_row - row < TILE_ROWS ? last_row - row : TILE_ROWS;
            for (size_t t = 0; t < count; t += TILE_TOKENS) {
                const int8_t *at = codes + (first + t) * columns;
                float *to = y + (first + t) * y_stride + row;
#define TILE(TOKENS)                                                                           \
    tile(TOKENS, at, columns, trits, code_sums + t, factors + t, to, y_stride, width)
                switch (count - t) {
                case 1: TILE(1); break;
                case 2: TILE(2); break;
#if TILE_TOKENS > 3
                case 3: TILE(3); break;
                case 4: TILE(4); break;
                case 5: TILE(5); break;
#endif
                default: TILE(TILE_TOKENS); break;
                }
#undef TILE
            }
        }
    }
}

#endif
