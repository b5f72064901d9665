// Trits at two bits, for inference.
//
// Layout, the same on every CPU: the panels and groups of ternary_kernels.h with the four vectors of
// a group in one: a group is 64 bytes, and byte 4 * (row % 16) + column % 4 holds, in bits 2v and
// 2v + 1, the trit + 1 of row 16 v + row % 16 of the panel. The code 3 never occurs.
//
// Sums are exact in int32: a code of vector 3 counts 64-fold until the end, 64 * 2 * 128 * columns,
// columns below 2^17.
#ifndef PACKED_KERNELS_H
#define PACKED_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Panels of ternary_kernels.h (256 bytes a group) to two bits (64 bytes a group), and back.
void packed_from_panels(const uint8_t *panels, size_t groups, uint8_t *packed);
void packed_to_panels(const uint8_t *packed, size_t groups, uint8_t *panels);

// Random trits: -1 and 1 with probability 1/4 each, a pure function of seed and index of the word.
void packed_random(uint64_t *words, uint64_t first, size_t count, uint64_t seed);

// Bytes of scratch for packed_product: one panel of ternary_kernels.h.
size_t packed_product_scratch(size_t columns);

// y[i, row] = (float)(sum over k of codes[i, k] * trit[row, k]) * (scale / code_scales[i]), for
// i in 0 ..< m and the panels first_panel ..< last_panel. codes: [m, columns]; y: [m, rows].
void packed_product_reference(const int8_t *codes, const float *code_scales, size_t m,
                              size_t columns, const uint8_t *packed, float scale, size_t rows,
                              size_t first_panel, size_t last_panel, float *y, uint8_t *scratch);
void packed_product_avx2(const int8_t *codes, const float *code_scales, size_t m, size_t columns,
                         const uint8_t *packed, float scale, size_t rows, size_t first_panel,
                         size_t last_panel, float *y, uint8_t *scratch);
void packed_product_expanded(const int8_t *codes, const float *code_scales, size_t m,
                             size_t columns, const uint8_t *packed, float scale, size_t rows,
                             size_t first_panel, size_t last_panel, float *y, uint8_t *scratch);
// Few tokens read the packed weights as they are; more tokens go to packed_product_expanded.
void packed_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                           size_t columns, const uint8_t *packed, float scale, size_t rows,
                           size_t first_panel, size_t last_panel, float *y, uint8_t *scratch);

#endif
