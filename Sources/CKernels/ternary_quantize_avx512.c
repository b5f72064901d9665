#include "ternary_kernels.h"
#include "transpose_words.h"

enum { ROW_AHEAD = 128 }; // floats

TARGET_AVX512 static inline __attribute__((always_inline)) __mmask64
join(__mmask16 a, __mmask16 b, __mmask16 c, __mmask16 d) {
    return (__mmask64)a | (__mmask64)b << 16 | (__mmask64)c << 32 | (__mmask64)d << 48;
}

// 64 weights of one row as bytes trit + 1; those outside `present` are 1.
TARGET_AVX512 static inline __attribute__((always_inline)) __m512i
shifted_trits(const float *weights, __mmask64 present, __m512 half_scale, __m512 minus_half) {
    __mmask16 above[4], below[4];
    for (int v = 0; v < 4; v++) {
        // Sixteen rows at once are too many for the CPU to look ahead in.
        _mm_prefetch(weights + ROW_AHEAD + 16 * v, _MM_HINT_T0);
        __m512 w = _mm512_maskz_loadu_ps((__mmask16)(present >> 16 * v), weights + 16 * v);
        above[v] = _mm512_cmp_ps_mask(w, half_scale, _CMP_GT_OQ);
        below[v] = _mm512_cmp_ps_mask(w, minus_half, _CMP_LT_OQ);
    }
    __m512i ones = _mm512_set1_epi8(1);
    __m512i bytes = _mm512_mask_add_epi8(
        ones, join(above[0], above[1], above[2], above[3]), ones, ones);
    return _mm512_mask_sub_epi8(bytes, join(below[0], below[1], below[2], below[3]), ones, ones);
}

TARGET_AVX512 void ternary_quantize_avx512(const float *weights, size_t columns, size_t first_row,
                                           size_t last_row, float scale, uint8_t *packed) {
    __m512 half = _mm512_set1_ps(0.5f * scale), minus_half = _mm512_set1_ps(-0.5f * scale);
    size_t groups = (columns + 3) / 4;
    size_t padded_last =
        (last_row + TERNARY_PANEL_ROWS - 1) / TERNARY_PANEL_ROWS * TERNARY_PANEL_ROWS;
    for (size_t row = first_row; row < padded_last; row += 16) {
        uint8_t *to = packed + row / 64 * groups * 256 + row % 64 * 4;
        for (size_t k = 0; k < columns; k += 64) {
            __mmask64 present =
                columns - k >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << (columns - k)) - 1;
            __m512i square[16];
            for (size_t i = 0; i < 16; i++) {
                int exists = row + i < last_row;
                square[i] = shifted_trits(exists ? weights + (row + i) * columns + k : weights,
                                          exists ? present : 0, half, minus_half);
            }
            transpose_words(square);
            for (size_t g = 0; g < 16 && k / 4 + g < groups; g++)
                _mm512_store_si512(to + (k / 4 + g) * 256, square[g]);
        }
    }
}
