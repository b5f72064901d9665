#define TARGET TARGET_AVX2
#define TILE_TOKENS 3
#define TILE_ROWS 32
#include "ternary_product_blocks.h"

#include <immintrin.h>
#include <string.h>

// A tile is three tokens by 32 rows of a panel: 12 accumulators. AVX2 has no exact u8 x s8 dot
// product of four (vpmaddubsw saturates only above 2 * 127 + 2 * 127 = 508, which trit + 1 in
// {0, 1, 2} never exceeds), so pairs are added in 16 bits and widened by vpmaddwd with ones.
enum { VECTORS = TILE_ROWS / 8 };

INLINE_KERNEL void add_group(const int tokens, __m256i sums[TILE_TOKENS][VECTORS],
                             const int8_t *codes, size_t stride, const uint8_t *trits) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (int t = 0; t < tokens; t++) {
        int32_t word;
        memcpy(&word, codes + (size_t)t * stride, 4);
        __m256i four = _mm256_set1_epi32(word);
        for (int v = 0; v < VECTORS; v++) {
            __m256i pairs = _mm256_maddubs_epi16(
                _mm256_load_si256((const __m256i *)(trits + 32 * v)), four);
            sums[t][v] = _mm256_add_epi32(sums[t][v], _mm256_madd_epi16(pairs, ones));
        }
    }
}

INLINE_KERNEL void tile(const int tokens, const int8_t *codes, size_t columns,
                        const uint8_t *trits, const int32_t *code_sums, const float *factors,
                        float *y, size_t y_stride, size_t width) {
    __m256i sums[TILE_TOKENS][VECTORS];
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm256_set1_epi32(-code_sums[t]);
    size_t whole = columns / 4, rest = columns % 4;
    for (size_t g = 0; g < whole; g++, trits += 256)
        add_group(tokens, sums, codes + g * 4, columns, trits);
    if (rest != 0) {
        int8_t tails[TILE_TOKENS][4] = {{0}};
        for (int t = 0; t < tokens; t++)
            memcpy(tails[t], codes + (size_t)t * columns + whole * 4, rest);
        add_group(tokens, sums, tails[0], 4, trits);
    }
    for (int t = 0; t < tokens; t++) {
        float values[TILE_ROWS];
        for (int v = 0; v < VECTORS; v++)
            _mm256_storeu_ps(values + 8 * v, _mm256_mul_ps(_mm256_cvtepi32_ps(sums[t][v]),
                                                           _mm256_set1_ps(factors[t])));
        memcpy(y + (size_t)t * y_stride, values, width * sizeof(float));
    }
}

TARGET static int32_t sum_of_codes(const int8_t *codes, size_t columns) {
    int32_t sum = 0;
    for (size_t k = 0; k < columns; k++) sum += codes[k];
    return sum;
}

TARGET void ternary_product_avx2(const int8_t *codes, const float *code_scales, size_t m,
                                 size_t columns, const uint8_t *packed, float scale, size_t rows,
                                 size_t first_panel, size_t last_panel, float *y,
                                 size_t y_stride) {
    ternary_product(codes, code_scales, m, columns, packed, scale, rows, first_panel, last_panel, y,
                    y_stride);
}
