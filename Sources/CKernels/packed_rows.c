#include "instruction_sets.h"
#include "packed_rows.h"

#include <math.h>
#include <string.h>

enum { PANEL = PACKED_ROWS_PANEL, BLOCK = PACKED_ROWS_BLOCK };

static size_t blocks(size_t columns) { return (columns + BLOCK - 1) / BLOCK; }

// Bytes of a block of 32 columns; int4 with its scales.
enum { INT8_BLOCK_BYTES = PANEL * BLOCK, INT4_BLOCK_BYTES = PANEL * BLOCK / 2 + PANEL * 2 };

size_t packed_rows_int8_panel_bytes(size_t columns) {
    return blocks(columns) * INT8_BLOCK_BYTES + PANEL * 4;
}

size_t packed_rows_int4_panel_bytes(size_t columns) { return blocks(columns) * INT4_BLOCK_BYTES; }

static float *int8_scales(const uint8_t *panel, size_t columns) {
    return (float *)(uintptr_t)(panel + blocks(columns) * INT8_BLOCK_BYTES);
}

static _Float16 *int4_scales(const uint8_t *block) {
    return (_Float16 *)(uintptr_t)(block + PANEL * BLOCK / 2);
}

// Ties to even, |x| < 2^22: nearbyintf without a call.
INLINE_BODY float rounded(float x) {
    const float magic = 12582912.0f; // 1.5 * 2^23
    return (x + magic) - magic;
}

INLINE_BODY float clipped(float x, float low, float high) {
    return x < low ? low : x > high ? high : x;
}

void packed_rows_int8_pack(const float *weights, size_t columns, size_t width, uint8_t *panel) {
    memset(panel, 128, blocks(columns) * INT8_BLOCK_BYTES);
    float *scales = int8_scales(panel, columns);
    for (size_t row = 0; row < PANEL; row++) {
        scales[row] = 0;
        if (row >= width) continue;
        const float *w = weights + row * columns;
        float largest = 0;
        for (size_t k = 0; k < columns; k++)
            largest = fabsf(w[k]) > largest ? fabsf(w[k]) : largest;
        scales[row] = largest / 127;
        float inverse = largest > 0 ? 127 / largest : 0;
        for (size_t k = 0; k < columns; k++)
            panel[k / 4 * 256 + row * 4 + k % 4] =
                (uint8_t)(128 + (int)clipped(rounded(w[k] * inverse), -127, 127));
    }
}

// The scale of one block of a row whose codes have the smallest squared error: the extreme value at
// -8, and a few steps to each side.
static float int4_scale(const float w[BLOCK]) {
    float extreme = 0;
    for (size_t k = 0; k < BLOCK; k++)
        if (fabsf(w[k]) > fabsf(extreme)) extreme = w[k];
    float best = 0, least = INFINITY;
    for (int step = -4; step <= 4; step++) {
        float scale = (float)(_Float16)(extreme / (-8 + 0.25f * (float)step));
        if (scale == 0) break;
        float inverse = 1 / scale, errors[8] = {0}, error = 0;
        for (size_t k = 0; k < BLOCK; k += 8)
            for (size_t i = 0; i < 8; i++) {
                float rest = w[k + i] - scale * clipped(rounded(w[k + i] * inverse), -8, 7);
                errors[i] += rest * rest;
            }
        for (size_t i = 0; i < 8; i++) error += errors[i];
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

void packed_rows_int4_pack(const float *weights, size_t columns, size_t width, uint8_t *panel) {
    for (size_t b = 0; b < blocks(columns); b++) {
        uint8_t *block = panel + b * INT4_BLOCK_BYTES;
        memset(block, 0x88, PANEL * BLOCK / 2);
        size_t count = columns - b * BLOCK < BLOCK ? columns - b * BLOCK : BLOCK;
        for (size_t row = 0; row < PANEL; row++) {
            int4_scales(block)[row] = 0;
            if (row >= width) continue;
            float w[BLOCK] = {0};
            memcpy(w, weights + row * columns + b * BLOCK, count * sizeof(float));
            float scale = int4_scale(w), inverse = scale != 0 ? 1 / scale : 0;
            int4_scales(block)[row] = (_Float16)scale;
            for (size_t k = 0; k < count; k++) {
                unsigned code = (unsigned)(8 + (int)clipped(rounded(w[k] * inverse), -8, 7));
                uint8_t *byte = block + k / 8 * 256 + row * 4 + k % 4;
                unsigned shift = k % 8 < 4 ? 0 : 4;
                *byte = (uint8_t)((*byte & ~(15u << shift)) | code << shift);
            }
        }
    }
}

void packed_rows_int8_unpack(const uint8_t *panel, size_t columns, size_t row, float *weights) {
    float scale = int8_scales(panel, columns)[row];
    for (size_t k = 0; k < columns; k++)
        weights[k] = scale * (float)(panel[k / 4 * 256 + row * 4 + k % 4] - 128);
}

void packed_rows_int4_unpack(const uint8_t *panel, size_t columns, size_t row, float *weights) {
    for (size_t k = 0; k < columns; k++) {
        const uint8_t *block = panel + k / BLOCK * INT4_BLOCK_BYTES;
        unsigned byte = block[k % BLOCK / 8 * 256 + row * 4 + k % 4];
        int code = (int)(k % 8 < 4 ? byte & 15 : byte >> 4) - 8;
        weights[k] = (float)int4_scales(block)[row] * (float)code;
    }
}

void packed_rows_split(const float *x, size_t count, size_t columns, int8_t *high, int8_t *low,
                       float *inverse_scales) {
    size_t padded = blocks(columns) * BLOCK;
    for (size_t i = 0; i < count; i++) {
        const float *row = x + i * columns;
        float largest = 1e-30f, zeros = 0;
        for (size_t k = 0; k < columns; k++) {
            largest = fabsf(row[k]) > largest ? fabsf(row[k]) : largest;
            zeros += row[k] * 0.0f;
        }
        float scale = zeros == 0 ? 32512 / largest : 0;
        inverse_scales[i] = zeros == 0 ? largest / 32512 : NAN;
        for (size_t k = 0; k < padded; k++) {
            int code = k < columns && scale > 0 ? (int)rounded(row[k] * scale) : 0;
            int upper = (code + 128) >> 8;
            high[i * padded + k] = (int8_t)upper;
            low[i * padded + k] = (int8_t)(code - upper * 256);
        }
    }
}

INLINE_BODY void int8_panel(const packed_rows_operands *o, size_t p) {
    size_t padded = blocks(o->columns) * BLOCK;
    const uint8_t *panel = o->packed + p * (blocks(o->columns) * INT8_BLOCK_BYTES + PANEL * 4);
    const float *scales = int8_scales(panel, o->columns);
    size_t width = o->rows - p * PANEL < PANEL ? o->rows - p * PANEL : PANEL;
    for (size_t t = 0; t < o->m; t++) {
        const int8_t *high = o->high + t * padded, *low = o->low + t * padded;
        int32_t upper[PANEL] = {0}, lower[PANEL] = {0};
        for (size_t k = 0; k < padded; k += 4)
            for (size_t row = 0; row < PANEL; row++)
                for (size_t c = 0; c < 4; c++) {
                    int code = panel[k * 64 + row * 4 + c] - 128;
                    upper[row] += code * high[k + c];
                    lower[row] += code * low[k + c];
                }
        for (size_t row = 0; row < width; row++)
            o->y[t * o->rows + p * PANEL + row] = ((float)upper[row] * 256 + (float)lower[row]) *
                                                  (scales[row] * o->inverse_scales[t]);
    }
}

INLINE_BODY void int4_panel(const packed_rows_operands *o, size_t p) {
    size_t count = blocks(o->columns), padded = count * BLOCK;
    const uint8_t *panel = o->packed + p * count * INT4_BLOCK_BYTES;
    size_t width = o->rows - p * PANEL < PANEL ? o->rows - p * PANEL : PANEL;
    for (size_t t = 0; t < o->m; t++) {
        float sums[PANEL] = {0};
        for (size_t b = 0; b < count; b++) {
            const int8_t *high = o->high + t * padded + b * BLOCK;
            const int8_t *low = o->low + t * padded + b * BLOCK;
            const uint8_t *block = panel + b * INT4_BLOCK_BYTES;
            int32_t exact[PANEL] = {0};
            for (size_t k = 0; k < BLOCK; k += 8)
                for (size_t row = 0; row < PANEL; row++)
                    for (size_t c = 0; c < 4; c++) {
                        int byte = block[k * 32 + row * 4 + c];
                        exact[row] += ((byte & 15) - 8) * (256 * high[k + c] + low[k + c]);
                        exact[row] += ((byte >> 4) - 8) * (256 * high[k + 4 + c] + low[k + 4 + c]);
                    }
            for (size_t row = 0; row < PANEL; row++)
                sums[row] += (float)exact[row] * (float)int4_scales(block)[row];
        }
        for (size_t row = 0; row < width; row++)
            o->y[t * o->rows + p * PANEL + row] = sums[row] * o->inverse_scales[t];
    }
}

void packed_rows_int8_reference(const packed_rows_operands *o, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) int8_panel(o, p);
}

TARGET_AVX2 void packed_rows_int8_avx2(const packed_rows_operands *o, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) int8_panel(o, p);
}

void packed_rows_int4_reference(const packed_rows_operands *o, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) int4_panel(o, p);
}

TARGET_AVX2 void packed_rows_int4_avx2(const packed_rows_operands *o, size_t first, size_t last) {
    for (size_t p = first; p < last; p++) int4_panel(o, p);
}
