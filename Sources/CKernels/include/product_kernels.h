// Dense products y = left . right with operands that are converted while they are packed.
//
// The packed form is in words of 32 bits: one float, or two bf16 or int16 of neighbouring k (the
// smaller k in the lower half). A block of k is at most PRODUCT_BLOCK_WORDS words; every element of y sums its
// blocks in order, whatever part of y a call computes: the split over threads changes no bit.
//
// y is split over the threads by rows or by columns. The operand that is not split is shared: for
// every block the threads first pack a part of it each, wait for each other, and then multiply all of
// it with their part of the other operand, which each packs for itself.
#ifndef PRODUCT_KERNELS_H
#define PRODUCT_KERNELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    PRODUCT_TILE_ROWS = 6,
    PRODUCT_PANEL_COLUMNS = 64,
    PRODUCT_BLOCK_WORDS = 512,
    PRODUCT_BLOCK_ROWS = 96,
    PRODUCT_SHARED_COUNT = 1024, // rows of left or columns of right in a block, at most
    PRODUCT_SQUARE_LANES = 8,
};

// k that share a step, and the largest magnitude of an integer: no sum leaves int32.
enum {
    PRODUCT_INT16_DEPTH = 1024,
    PRODUCT_INT16_LIMIT = 16383, // * 128 * 1024 < 2^31
    PRODUCT_INT16_FLOATS_DEPTH = 128,
    PRODUCT_INT16_FLOATS_LIMIT = 4095, // * 4095 * 128 < 2^31
};
// Below it magnitudes count as zero: the inverse of their step would overflow.
#define PRODUCT_INT16_SMALLEST 1e-30f

// Unbiased rounding: what is added before rounding to the nearest is -1/2 ..< 1/2, spread over rows and k
// as evenly as can be (the R2 sequence: Roberts 2018), as a fraction of 2^32.
#define PRODUCT_DITHER_ROW 0xC13FA9A9u
#define PRODUCT_DITHER_K 0x91E10DA5u

// Bytes of a shared operand, and of scratch that one call needs; rows of words are padded to an odd
// number of cache lines.
enum {
    PRODUCT_SHARED_BYTES = 4 * (PRODUCT_BLOCK_WORDS + 16) * PRODUCT_SHARED_COUNT,
    PRODUCT_SCRATCH_BYTES = 4 * (PRODUCT_BLOCK_WORDS + 16) * PRODUCT_BLOCK_ROWS,
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

typedef enum { PRODUCT_SPLIT_ROWS, PRODUCT_SPLIT_COLUMNS } product_split;

typedef struct {
    product_split split;
    product_left_kind left_kind;
    product_right_kind right_kind;
    const float *left;
    size_t left_stride;          // elements from one row to the next
    const float *left_divisors;  // PRODUCT_LEFT_COLUMNS only: row k is divided by [k]; or NULL
    int left_is_dithered;        // 1: int16 floats only; left is rounded without bias
    uint32_t left_first_row;     // the place of left's first row in what it is a part of, for that
    const void *right;
    size_t right_stride;         // elements from one row to the next; for trits: n
    size_t k;
    float *y;                    // [m, n]
    size_t y_stride;
    int accumulate;              // 1: y += scale * product, 0: y = scale * product
    // The squares of y are added to them as it becomes whole: [m][PRODUCT_SQUARE_LANES], those of a row,
    // when split by rows, and else [(n + 63) / 64][PRODUCT_SQUARE_LANES], those of 64 columns; or NULL. Four
    // squares at a time are added in fp32, to which the square of a number below 1e-22 is nothing.
    double *square_sums;
    float scale;
} product_operands;

// One block of k, and the columns (split by rows) or rows (split by columns) of y that it is about.
typedef struct {
    size_t first_k, depth; // depth: at most PRODUCT_BLOCK_WORDS words
    size_t first, count;   // first: a multiple of 64; count: at most PRODUCT_SHARED_COUNT
} product_block;

// Packs the columns (a multiple of 64) or rows `first` ..< `last` of the block's shared operand.
// shared: PRODUCT_SHARED_BYTES, aligned to 64 bytes.
void product_pack_fp32_avx512(const product_operands *operands, product_block block, size_t first,
                              size_t last, void *shared);
// Rows or columns first ..< last of y times the packed shared operand. first: a multiple of 64 for
// columns. scratch: PRODUCT_SCRATCH_BYTES, aligned to 64 bytes.
void product_fp32_avx512(const product_operands *operands, product_block block,
                         const void *shared, size_t first, size_t last, void *scratch);
// The same with operands rounded to bf16, ties to even.
void product_pack_bf16_avx512(const product_operands *operands, product_block block, size_t first,
                              size_t last, void *shared);
void product_bf16_avx512(const product_operands *operands, product_block block,
                         const void *shared, size_t first, size_t last, void *scratch);

// The same with floats rounded to integers, ties to even, and sums that are exact in int32 (dynamic
// fixed point: Das et al. 2018, arXiv:1802.00930). k neighbours of a row of left or of a column of
// right have a step: their largest magnitude / limit. So they are off by at most 2^-10 (times codes or
// trits) or 2^-9.5 (floats times floats) of their norm; bf16 by 2^-9. Rounded without bias, they are off by
// twice that at most, and by nothing on average. Where there is one that is not finite, the row or
// column of y is NaN.
void product_pack_int16_avx512(const product_operands *operands, product_block block, size_t first,
                               size_t last, void *shared);
void product_int16_avx512(const product_operands *operands, product_block block,
                          const void *shared, size_t first, size_t last, void *scratch);
// Floats or bf16 on the right; the other two have codes or trits there.
void product_pack_int16_floats_avx512(const product_operands *operands, product_block block,
                                      size_t first, size_t last, void *shared);
void product_int16_floats_avx512(const product_operands *operands, product_block block,
                                 const void *shared, size_t first, size_t last, void *scratch);

// What a row of y is made of: left [k] and right [k, n], and the elements from one to the next.
typedef struct {
    const float *left, *right;
    size_t left_to_k, right_to_k, right_to_n;
    int right_is_integers; // small enough for int8
    int left_is_dithered;
    uint32_t place;        // of the row, for that
} product_int16_row;

// What these kernels compute, bit by bit.
void product_int16_row_reference(product_int16_row row, size_t n, size_t k, float scale,
                                 int accumulate, float *y);

// bf16 is the upper half of a float: rounds ties to even, and back. [count] each.
void floats_to_bf16(const float *x, size_t count, uint16_t *rounded);
void bf16_to_floats(const uint16_t *x, size_t count, float *widened);

// For the products that run without these kernels. round_to_bf16 rounds ties to even and keeps
// floats; scaled and rounded may be x.
void round_to_bf16(const float *x, size_t count, float *rounded);
void scale_floats(const float *x, size_t count, float factor, float *scaled);
void widen_codes(const int8_t *codes, size_t count, float *values);

#endif
