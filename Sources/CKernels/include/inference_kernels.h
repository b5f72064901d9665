// What inference needs beside the packed products: dense weights for few tokens, and attention over
// a cache of keys and values.
#ifndef INFERENCE_KERNELS_H
#define INFERENCE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Query rows that attend together; they share a head of keys and values.
enum { CACHE_QUERY_ROWS = 6 };
// Capacities of caches, in positions, are multiples of this.
enum { CACHE_BLOCK = 32 };

typedef struct {
    const float *queries[CACHE_QUERY_ROWS]; // [D] each
    float *outputs[CACHE_QUERY_ROWS];       // [D] each, written
    size_t limits[CACHE_QUERY_ROWS];        // positions that the row sees, at least 1
    size_t count;                           // rows, 1 ... CACHE_QUERY_ROWS
    size_t head_dimension;                  // D
    float scale;                            // 1 / sqrt(D)
} cache_attention_rows;

// One head of one sequence's cache. Cells are float (fp32) or IEEE half (fp16).
//   keys:   [capacity / 16][D][16], so that sixteen scores are computed at once
//   values: [capacity][padded D], padded to a multiple of 16, padding zero
typedef struct {
    // Writes the key and the value, [D] each, of one position.
    void (*append_fp32)(const float *key, const float *value, size_t position,
                        size_t head_dimension, void *keys, void *values);
    void (*append_fp16)(const float *key, const float *value, size_t position,
                        size_t head_dimension, void *keys, void *values);
    // output = softmax(scale * q K^T) V over the row's first `limit` positions. scratch:
    // CACHE_QUERY_ROWS * capacity floats, aligned to 64 bytes.
    void (*attend_fp32)(const cache_attention_rows *rows, const void *keys, const void *values,
                        float *scratch, size_t capacity);
    void (*attend_fp16)(const cache_attention_rows *rows, const void *keys, const void *values,
                        float *scratch, size_t capacity);

    // y[token, row] = sum over k of x[token, k] * w[row, k], for the rows first ..< last.
    // x: [tokens, columns]; w: [*, columns], floats or bf16; y: [tokens, y_stride].
    void (*dense_rows_fp32)(const float *x, size_t tokens, size_t columns, const void *w,
                            size_t first, size_t last, float *y, size_t y_stride);
    void (*dense_rows_bf16)(const float *x, size_t tokens, size_t columns, const void *w,
                            size_t first, size_t last, float *y, size_t y_stride);
} inference_kernels_table;

// The loops for instruction set 0 (baseline), 1 (AVX2, FMA, F16C) or 2 (AVX-512). All compute the
// same formulas; their floats differ by rounding.
const inference_kernels_table *inference_kernels(int instruction_set);

// The first index of the largest value; NaN counts as smaller than everything. count >= 1.
size_t index_of_largest(const float *x, size_t count);

// values[i] about normal with the deviation (the sum of four uniform bytes), in bf16; a pure
// function of seed and first + i.
void random_bf16(uint16_t *values, uint64_t first, size_t count, float deviation, uint64_t seed);

#endif
