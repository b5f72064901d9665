// The integer product of BitLinear: codes (int8) times trits.
//
// Layout of trits, the same on every CPU: panels of 64 rows (outputs); in a panel, groups of four
// columns (inputs), padded; in a group, 64 rows of four bytes. A byte is trit + 1, in {0, 1, 2};
// padding is 1, a trit of 0. Byte of (row, column):
//   ((row / 64) * groups + column / 4) * 256 + (row % 64) * 4 + column % 4, groups = ceil(columns / 4).
//
// Sums are exact in int32: |sum of code * (trit + 1)| <= 256 * columns, columns below 2^22.
#ifndef TERNARY_KERNELS_H
#define TERNARY_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum { TERNARY_PANEL_ROWS = 64 };

// Packs the rows first_row ..< last_row of weights [rows, columns]; first_row is a multiple of 64,
// last_row too or it is `rows`, and then the padding of the last panel is written as well.
// trit = clip(round(w / scale), -1, 1), ties to even.
void ternary_quantize_reference(const float *weights, size_t columns, size_t first_row,
                                size_t last_row, float scale, uint8_t *packed);
void ternary_quantize_avx2(const float *weights, size_t columns, size_t first_row,
                           size_t last_row, float scale, uint8_t *packed);
void ternary_quantize_avx512(const float *weights, size_t columns, size_t first_row,
                             size_t last_row, float scale, uint8_t *packed);

// The trits of one row in plain order, {-1, 0, 1}: [columns].
void ternary_unpack_row(const uint8_t *packed, size_t columns, size_t row, int8_t *trits);
void ternary_unpack_row_to_floats(const uint8_t *packed, size_t columns, size_t row, float *trits);

enum { TRIT_DISTANCE_BINS = 10, TRIT_CENSUS_BLOCK = 1024 };

typedef struct {
    int64_t minus, zero, plus;
    int64_t changed; // trits that differ from `previous`
    // How far |w / scale| is from the rounding threshold 0.5: bins of 0.05, the last holds the rest,
    // and what is not a number.
    int64_t distance_bins[TRIT_DISTANCE_BINS];
} trit_counts;

// Adds [count] weights to `counts` and leaves their trits in `previous`, which is also what changes are
// counted against: 2 bits a weight, trit + 1, in blocks of TRIT_CENSUS_BLOCK weights, the last one
// padded. Byte i of a block holds its weights i, i + 256, i + 512 and i + 768, from the lowest bits up.
void trit_census_reference(const float *weights, float scale, uint8_t *previous, size_t count,
                           trit_counts *counts);
void trit_census_avx2(const float *weights, float scale, uint8_t *previous, size_t count,
                      trit_counts *counts);
void trit_census_avx512(const float *weights, float scale, uint8_t *previous, size_t count,
                        trit_counts *counts);

// y[i, row] = (float)(sum over k of codes[i, k] * trit[row, k]) * (scale / code_scales[i])
// for i in 0 ..< m and the panels first_panel ..< last_panel. codes: [m, columns]; y: [m, y_stride].
void ternary_product_reference(const int8_t *codes, const float *code_scales, size_t m,
                               size_t columns, const uint8_t *packed, float scale, size_t rows,
                               size_t first_panel, size_t last_panel, float *y, size_t y_stride);
void ternary_product_avx2(const int8_t *codes, const float *code_scales, size_t m,
                          size_t columns, const uint8_t *packed, float scale, size_t rows,
                          size_t first_panel, size_t last_panel, float *y, size_t y_stride);
void ternary_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                            size_t columns, const uint8_t *packed, float scale, size_t rows,
                            size_t first_panel, size_t last_panel, float *y, size_t y_stride);

#endif
