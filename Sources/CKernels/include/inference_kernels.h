// What inference needs beside the packed products: dense weights for few tokens, and attention over
// a cache of keys and values.
#ifndef INFERENCE_KERNELS_H
#define INFERENCE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Query rows that attend together; they share a head of keys and values.
enum { CACHE_QUERY_ROWS = 6 };
// Positions of one page of a cache.
enum { CACHE_PAGE = 32 };

typedef struct {
    const float *queries[CACHE_QUERY_ROWS]; // [D] each
    float *outputs[CACHE_QUERY_ROWS];       // [D] each, written
    size_t limits[CACHE_QUERY_ROWS];        // positions that the row sees, at least 1
    size_t count;                           // rows, 1 ... CACHE_QUERY_ROWS
    size_t head_dimension;                  // D
    float scale;                            // 1 / sqrt(D)
    // Position p is slot p % CACHE_PAGE of the cells at pages[p / CACHE_PAGE] + page_offset.
    const uint8_t *const *pages;
    size_t page_offset;
} cache_attention_rows;

// The cells of one head in one page, in this order; a cell is float (fp32), IEEE half (fp16) or a
// code (int8), with a scale for each position's key and value.
//   keys:   [CACHE_PAGE / 16][D][16], so that sixteen scores are computed at once
//   values: [CACHE_PAGE][padded D], padded to a multiple of 16; padding is not used
//   int8 only: scales of keys, [CACHE_PAGE] floats, and of values, the same;
//              code = round(x / scale), scale = max |x| / 127
typedef struct {
    // Writes the key and the value, [D] each, of one slot.
    void (*append_fp32)(const float *key, const float *value, size_t slot, size_t head_dimension,
                        void *cells);
    void (*append_fp16)(const float *key, const float *value, size_t slot, size_t head_dimension,
                        void *cells);
    void (*append_int8)(const float *key, const float *value, size_t slot, size_t head_dimension,
                        void *cells);
    // output = softmax(scale * q K^T) V over the row's first `limit` positions. scratch:
    // CACHE_QUERY_ROWS * capacity floats, aligned to 64 bytes; capacity: a multiple of CACHE_PAGE
    // that no limit exceeds.
    void (*attend_fp32)(const cache_attention_rows *rows, float *scratch, size_t capacity);
    void (*attend_fp16)(const cache_attention_rows *rows, float *scratch, size_t capacity);
    void (*attend_int8)(const cache_attention_rows *rows, float *scratch, size_t capacity);

    // Cells of fp16 as the fp32 cells of the same numbers. count: numbers, a multiple of 16.
    void (*widen_fp16)(const void *cells, size_t count, float *widened);

    // y[token, row] = sum over k of x[token, k] * w[row, k], for the rows first ..< last.
    // x: [tokens, columns]; w: [*, columns], floats or bf16; y: [tokens, y_stride].
    void (*dense_rows_fp32)(const float *x, size_t tokens, size_t columns, const void *w,
                            size_t first, size_t last, float *y, size_t y_stride);
    void (*dense_rows_bf16)(const float *x, size_t tokens, size_t columns, const void *w,
                            size_t first, size_t last, float *y, size_t y_stride);

    // Sets the logits of tokens that `allowed` (token t is bit t mod 64 of word t / 64) does not
    // hold to -1e30.
    void (*mask_logits)(const uint64_t *allowed, size_t count, float *logits);
    // weights[i] = exp(logits[i] - largest), 0 below e^-80; returns their sum.
    double (*exponential_weights)(const float *logits, size_t count, float largest,
                                  float *weights);
} inference_kernels_table;

// The loops for instruction set 0 (baseline), 1 (AVX2, FMA, F16C) or 2 (AVX-512). All compute the
// same formulas; their floats differ by rounding.
const inference_kernels_table *inference_kernels(int instruction_set);

// The first index of the largest value; NaN counts as smaller than everything. count >= 1.
size_t index_of_largest(const float *x, size_t count);

// The first index i with weights[0] + ... + weights[i] > share, in double; the last index with a
// weight above 0 when rounding leaves none. Weights are 0 or more, not all 0.
size_t index_of_share(const float *weights, size_t count, double share);

// values[i] about normal with the deviation (the sum of four uniform bytes), in bf16; a pure
// function of seed and first + i.
void random_bf16(uint16_t *values, uint64_t first, size_t count, float deviation, uint64_t seed);

#endif
