// Trits at 1.6 bits, for inference: five in a byte.
//
// Layout, the same on every CPU: panels of 80 rows (outputs); in a panel, groups of four columns
// (inputs), padded; a group is 64 bytes. With digit = trit + 1, byte 4 * (row % 16) + column % 4 is
//   digit(row) + 3 digit(row + 16) + 9 digit(row + 32) + 27 digit(row + 48) + 81 digit(row + 64),
// row counted within the panel, below 16. Bytes above 242 never occur; padding rows are trits of 0.
//
// Sums are exact in int32: vector v of 16 rows is summed 4^v-fold, 64 * 2 * 128 * columns, columns
// below 2^17; the last vector 81-fold modulo 2^32, which a multiplication undoes exactly.
#ifndef PACKED_KERNELS_H
#define PACKED_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { PACKED_PANEL_ROWS = 80, PACKED_GROUP_BYTES = 64 };

// Packs a whole matrix from the layout of ternary_kernels.h.
void packed_from_ternary(const uint8_t *ternary, size_t rows, size_t columns, uint8_t *packed);

// The trits of one row in plain order, {-1, 0, 1}: [columns].
void packed_unpack_row(const uint8_t *packed, size_t columns, size_t row, int8_t *trits);

// Random trits, each of the three as probable as the others but for 1/256: a pure function of seed
// and index of the word.
void packed_random(uint64_t *words, uint64_t first, size_t count, uint64_t seed);

// y[i, row] = (float)(sum over k of codes[i, k] * trit[row, k]) * (scale / code_scales[i]), for
// i in 0 ..< m and the panels first_panel ..< last_panel. codes: [m, columns]; y: [m, rows].
void packed_product_reference(const int8_t *codes, const float *code_scales, size_t m,
                              size_t columns, const uint8_t *packed, float scale, size_t rows,
                              size_t first_panel, size_t last_panel, float *y);
void packed_product_avx2(const int8_t *codes, const float *code_scales, size_t m, size_t columns,
                         const uint8_t *packed, float scale, size_t rows, size_t first_panel,
                         size_t last_panel, float *y);
void packed_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                           size_t columns, const uint8_t *packed, float scale, size_t rows,
                           size_t first_panel, size_t last_panel, float *y);

#endif
