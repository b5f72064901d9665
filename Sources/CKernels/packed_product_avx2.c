#include "instruction_sets.h"
#include "packed_kernels.h"

#include <immintrin.h>
#include <string.h>

// A tile is two tokens by half of the rows of every vector of a panel: 8 rows of each of five.
enum { TILE_TOKENS = 2, VECTORS = PACKED_PANEL_ROWS / 16, GROUP = PACKED_GROUP_BYTES };
// A pair adds at most 2 * 2 * 128 to a sum of 16 bits, so that this many groups fit.
enum { GROUPS_16 = 63 };

#define INLINE_KERNEL TARGET_AVX2 static inline __attribute__((always_inline))

INLINE_KERNEL __m256i four_codes(const int8_t *at, size_t count) {
    int32_t four = 0;
    memcpy(&four, at, count);
    return _mm256_set1_epi32(four);
}

// The digits, the highest last: a number loses its highest power up to twice, by the smaller of it
// and the difference, which wraps around when there was nothing to lose.
INLINE_KERNEL void unpack(__m256i number, __m256i digits[VECTORS]) {
    const int powers[VECTORS] = {1, 3, 9, 27, 81};
    const __m256i two = _mm256_set1_epi8(2);
    for (int v = VECTORS - 1; v > 0; v--) {
        __m256i power = _mm256_set1_epi8((char)powers[v]);
        __m256i once = _mm256_min_epu8(number, _mm256_sub_epi8(number, power));
        __m256i twice = _mm256_min_epu8(once, _mm256_sub_epi8(once, power));
        // A comparison that holds is -1.
        digits[v] = _mm256_add_epi8(two, _mm256_add_epi8(_mm256_cmpeq_epi8(number, once),
                                                         _mm256_cmpeq_epi8(once, twice)));
        number = twice;
    }
    digits[0] = number;
}

INLINE_KERNEL void tile(const int tokens, const int8_t *codes, size_t columns,
                        const uint8_t *half_panel, const float *factors,
                        const int32_t *code_sums, float *y, size_t y_stride, size_t width) {
    __m256i wide[TILE_TOKENS][VECTORS], ones = _mm256_set1_epi16(1);
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) wide[t][v] = _mm256_set1_epi32(-code_sums[t]);
    size_t groups = (columns + 3) / 4;
    for (size_t start = 0; start < groups; start += GROUPS_16) {
        size_t end = groups - start < GROUPS_16 ? groups : start + GROUPS_16;
        __m256i sums[TILE_TOKENS][VECTORS];
        for (int t = 0; t < tokens; t++)
            for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm256_setzero_si256();
        for (size_t g = start; g < end; g++) {
            __m256i digits[VECTORS];
            unpack(_mm256_loadu_si256((const __m256i *)(const void *)(half_panel + g * GROUP)),
                   digits);
            size_t count = columns - g * 4 < 4 ? columns - g * 4 : 4;
            for (int t = 0; t < tokens; t++) {
                __m256i four = four_codes(codes + (size_t)t * columns + g * 4, count);
                for (int v = 0; v < VECTORS; v++)
                    sums[t][v] =
                        _mm256_add_epi16(sums[t][v], _mm256_maddubs_epi16(digits[v], four));
            }
        }
        for (int t = 0; t < tokens; t++)
            for (int v = 0; v < VECTORS; v++)
                wide[t][v] =
                    _mm256_add_epi32(wide[t][v], _mm256_madd_epi16(sums[t][v], ones));
    }
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) {
            float values[8];
            _mm256_storeu_ps(values, _mm256_mul_ps(_mm256_cvtepi32_ps(wide[t][v]),
                                                   _mm256_set1_ps(factors[t])));
            size_t row = (size_t)v * 16;
            for (size_t r = 0; r < 8 && row + r < width; r++)
                y[(size_t)t * y_stride + row + r] = values[r];
        }
}

static int32_t sum_of_codes(const int8_t *codes, size_t columns) {
    int32_t sum = 0;
    for (size_t k = 0; k < columns; k++) sum += codes[k];
    return sum;
}

TARGET_AVX2 void packed_product_avx2(const int8_t *codes, const float *code_scales, size_t m,
                                     size_t columns, const uint8_t *packed, float scale,
                                     size_t rows, size_t first_panel, size_t last_panel,
                                     float *y) {
    size_t panel_bytes = (columns + 3) / 4 * GROUP;
    for (size_t t = 0; t < m; t += TILE_TOKENS) {
        const int tokens = m - t < TILE_TOKENS ? (int)(m - t) : TILE_TOKENS;
        int32_t sums[TILE_TOKENS];
        float factors[TILE_TOKENS];
        for (int i = 0; i < tokens; i++) {
            sums[i] = sum_of_codes(codes + (t + (size_t)i) * columns, columns);
            factors[i] = scale / code_scales[t + (size_t)i];
        }
        for (size_t p = first_panel; p < last_panel; p++)
            for (size_t half = 0; half < 2; half++) {
                size_t row = p * PACKED_PANEL_ROWS + half * 8;
                if (row >= rows) continue;
                const uint8_t *panel = packed + p * panel_bytes + half * 32;
                const int8_t *at = codes + t * columns;
                // The last vector of this half ends eight rows before the panel's.
                size_t width = rows - row;
                float *to = y + t * rows + row;
                if (tokens == 1) tile(1, at, columns, panel, factors, sums, to, rows, width);
                else tile(2, at, columns, panel, factors, sums, to, rows, width);
            }
    }
}
