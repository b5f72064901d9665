// Dense products y = left . right with operands that are converted while they are packed.
//
// The packed form is in words of 32 bits: one float, or two bf16 of neighbouring k (the smaller k
// in the lower half). A block of k is at most PRODUCT_BLOCK_WORDS words; every element of y sums its
// blocks in order, whatever part of y a call computes: the split over threads changes no bit.
#ifndef PRODUCT_KERNELS_H
#define PRODUCT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    PRODUCT_TILE_ROWS = 6,
    PRODUCT_PANEL_COLUMNS = 64,
    PRODUCT_BLOCK_WORDS = 512,
    PRODUCT_BLOCK_ROWS = 960,
};

// Bytes of scratch that one call needs: a packed block of left and a packed panel of right.
enum {
    PRODUCT_SCRATCH_BYTES =
        4 * PRODUCT_BLOCK_WORDS * (PRODUCT_BLOCK_ROWS + PRODUCT_PANEL_COLUMNS),
};

typedef enum {
    PRODUCT_LEFT_ROWS,    // float [m, k]
    PRODUCT_LEFT_COLUMNS, // float [k, m]
} product_left_kind;

typedef enum {
    PRODUCT_RIGHT_ROWS,    // float [k, n]
    PRODUCT_RIGHT_COLUMNS, // float [n, k]
    PRODUCT_RIGHT_BF16,    // bf16 [n, k]
    PRODUCT_RIGHT_CODES,   // int8 [k, n]
    PRODUCT_RIGHT_TRITS,   // packed trits of a matrix [k, n], ternary_kernels.h
} product_right_kind;

typedef struct {
    product_left_kind left_kind;
    product_right_kind right_kind;
    const float *left;
    size_t left_stride;          // elements from one row to the next
    const float *left_divisors;  // PRODUCT_LEFT_COLUMNS only: row k is divided by [k]; or NULL
    const void *right;
    size_t right_stride;         // elements from one row to the next; for trits: n
    size_t k;
    float *y;                    // [m, n]
    size_t y_stride;
    int accumulate;              // 1: y += scale * product, 0: y = scale * product
    float scale;
} product_operands;

// Rows first_row ..< last_row and columns first_column ..< last_column of y. first_column is a
// multiple of 64. scratch: PRODUCT_SCRATCH_BYTES, aligned to 64 bytes.
void product_fp32_avx512(const product_operands *operands, size_t first_row, size_t last_row,
                         size_t first_column, size_t last_column, void *scratch);
// The same with operands rounded to bf16, ties to even.
void product_bf16_avx512(const product_operands *operands, size_t first_row, size_t last_row,
                         size_t first_column, size_t last_column, void *scratch);

// bf16 is the upper half of a float: rounds ties to even, and back. [count] each.
void floats_to_bf16(const float *x, size_t count, uint16_t *rounded);
void bf16_to_floats(const uint16_t *x, size_t count, float *widened);

// For the products that run without these kernels. round_to_bf16 rounds ties to even and keeps
// floats; scaled and rounded may be x.
void round_to_bf16(const float *x, size_t count, float *rounded);
void scale_floats(const float *x, size_t count, float factor, float *scaled);
void widen_codes(const int8_t *codes, size_t count, float *values);

#endif
