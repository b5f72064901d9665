// Dense weights at eight or four bits, for inference: embeddings, heads, a teacher's projections.
//
// Layout, the same on every CPU: panels of 64 rows; in a panel, blocks of 32 columns, padded. A
// block is, in this order:
//   int8: eight groups of four columns, 256 bytes each: byte 4 * (row % 64) + column % 4 is the
//         code + 128, code in -127 ... 127. After the last block, the panel's 64 scales as floats;
//         a weight is about code * scale of its row.
//   int4: four groups of eight columns, 256 bytes each: byte 4 * (row % 64) + column % 4 holds
//         column % 8 < 4 in its lower half, the others in the upper, as code + 8, code in -8 ... 7;
//         then the block's 64 scales as IEEE halves.
// Padding is a code of 0.
//
// Activations are rounded to 16 bits a token, code = round(x * s), s = 32512 / max |x|, and kept as
// two planes of int8: code = 256 * high + low. Sums over codes are exact: 255 * 128 * columns,
// columns below 2^16, stays within int32.
#ifndef PACKED_ROWS_H
#define PACKED_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum { PACKED_ROWS_PANEL = 64, PACKED_ROWS_BLOCK = 32, PACKED_ROWS_COLUMNS_MAX = 1 << 16 };

// Bytes of one panel.
size_t packed_rows_int8_panel_bytes(size_t columns);
size_t packed_rows_int4_panel_bytes(size_t columns);

// Rounds and packs the rows of one panel; width, 1 ... 64, says how many there are.
// weights: [width, columns].
void packed_rows_int8_pack(const float *weights, size_t columns, size_t width, uint8_t *panel);
void packed_rows_int4_pack(const float *weights, size_t columns, size_t width, uint8_t *panel);

// The weights of one row of a panel as floats: [columns].
void packed_rows_int8_unpack(const uint8_t *panel, size_t columns, size_t row, float *weights);
void packed_rows_int4_unpack(const uint8_t *panel, size_t columns, size_t row, float *weights);

// Activations of `count` tokens, [count, columns], to planes [count, padded columns] and 1 / s,
// [count]. Padded columns: a multiple of 32. A token with a NaN gives a NaN scale.
void packed_rows_split(const float *x, size_t count, size_t columns, int8_t *high,
                       int8_t *low, float *inverse_scales);

typedef struct {
    const int8_t *high; // [m, padded columns]
    const int8_t *low;
    const float *inverse_scales; // [m]
    size_t m;
    size_t columns;
    const uint8_t *packed;
    size_t rows;
    float *y; // [m, rows]
} packed_rows_operands;

// y = x . w^T for the panels first ..< last. int8: the same bits everywhere; int4: blocks are summed
// in fp32, with or without fused multiply-add.
void packed_rows_int8_reference(const packed_rows_operands *o, size_t first, size_t last);
void packed_rows_int8_avx2(const packed_rows_operands *o, size_t first, size_t last);
void packed_rows_int8_avx512(const packed_rows_operands *o, size_t first, size_t last);
void packed_rows_int4_reference(const packed_rows_operands *o, size_t first, size_t last);
void packed_rows_int4_avx2(const packed_rows_operands *o, size_t first, size_t last);
void packed_rows_int4_avx512(const packed_rows_operands *o, size_t first, size_t last);

#endif
