#include "instruction_sets.h"
#include "ternary_kernels.h"

#include <immintrin.h>
#include <string.h>

// A tile is three tokens by 32 rows of a panel: 12 accumulators. AVX2 has no exact u8 x s8 dot
// product of four (vpmaddubsw saturates only above 2 * 127 + 2 * 127 = 508, which trit + 1 in
// {0, 1, 2} never exceeds), so pairs are added in 16 bits and widened by vpmaddwd with ones.
enum { TILE_TOKENS = 3, VECTORS = 4 };

TARGET_AVX2 static inline __attribute__((always_inline)) __m256i four_codes(const int8_t *at) {
    int32_t four;
    memcpy(&four, at, 4);
    return _mm256_set1_epi32(four);
}

TARGET_AVX2 static inline __attribute__((always_inline)) __m256i
dot_four(__m256i sum, __m256i trits, __m256i codes, __m256i ones) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(trits, codes), ones));
}

TARGET_AVX2 static inline __attribute__((always_inline)) void tile(
    const int tokens, const int8_t *codes, size_t columns, const uint8_t *half_panel,
    const int32_t *code_sums, const float *factors, float *y, size_t y_stride, size_t width) {
    __m256i sums[TILE_TOKENS][VECTORS], ones = _mm256_set1_epi16(1);
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm256_set1_epi32(-code_sums[t]);
    size_t groups = (columns + 3) / 4;
    for (size_t g = 0; g < groups; g++) {
        for (int t = 0; t < tokens; t++) {
            const int8_t *at = codes + (size_t)t * columns + g * 4;
            int8_t tail[4] = {0};
            if (columns - g * 4 < 4) {
                memcpy(tail, at, columns - g * 4);
                at = tail;
            }
            __m256i four = four_codes(at);
            for (int v = 0; v < VECTORS; v++) {
                __m256i trits =
                    _mm256_load_si256((const __m256i *)(half_panel + g * 256 + 32 * v));
                sums[t][v] = dot_four(sums[t][v], trits, four, ones);
            }
        }
    }
    for (int t = 0; t < tokens; t++) {
        float values[8 * VECTORS];
        for (int v = 0; v < VECTORS; v++)
            _mm256_storeu_ps(values + 8 * v, _mm256_mul_ps(_mm256_cvtepi32_ps(sums[t][v]),
                                                           _mm256_set1_ps(factors[t])));
        memcpy(y + (size_t)t * y_stride, values, width * sizeof(float));
    }
}

TARGET_AVX2 static int32_t sum_of_codes(const int8_t *codes, size_t columns) {
    int32_t sum = 0;
    for (size_t k = 0; k < columns; k++) sum += codes[k];
    return sum;
}

TARGET_AVX2 void ternary_product_avx2(const int8_t *codes, const float *code_scales, size_t m,
                                      size_t columns, const uint8_t *packed, float scale,
                                      size_t rows, size_t first_panel, size_t last_panel,
                                      float *y, size_t y_stride) {
    size_t panel_bytes = (columns + 3) / 4 * 256;
    for (size_t t = 0; t < m; t += TILE_TOKENS) {
        const int8_t *at = codes + t * columns;
        size_t count = m - t < TILE_TOKENS ? m - t : TILE_TOKENS;
        int32_t code_sums[TILE_TOKENS];
        float factors[TILE_TOKENS];
        for (size_t i = 0; i < count; i++) {
            code_sums[i] = sum_of_codes(at + i * columns, columns);
            factors[i] = scale / code_scales[t + i];
        }
        for (size_t first = first_panel * 64; first < last_panel * 64 && first < rows;
             first += 32) {
            const uint8_t *half = packed + first / 64 * panel_bytes + first % 64 * 4;
            size_t width = rows - first < 32 ? rows - first : 32;
            float *to = y + t * y_stride + first;
            switch (count) {
            case 1: tile(1, at, columns, half, code_sums, factors, to, y_stride, width); break;
            case 2: tile(2, at, columns, half, code_sums, factors, to, y_stride, width); break;
            default: tile(3, at, columns, half, code_sums, factors, to, y_stride, width); break;
            }
        }
    }
}
