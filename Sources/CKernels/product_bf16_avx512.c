#define WORD_DEPTH 2
#define LEFT_ROWS_AS_THEY_ARE 0
#define STEP_WORDS PRODUCT_BLOCK_WORDS
#define LEFT_HAS_STEPS 0
#define RIGHT_HAS_STEPS 0
#define RIGHT_FLOATS 1
#define RIGHT_INTEGERS 1
#include "product_pairs.h"

INLINE_KERNEL __m512 multiply_add(__m512 sum, __m512i left, __m512i right) {
    return _mm512_dpbf16_ps(sum, (__m512bh)left, (__m512bh)right);
}

INLINE_KERNEL __m512 sum_as_floats(__m512 sum) { return sum; }

// Words of two vectors: lane i is (first[i], second[i]).
INLINE_KERNEL __m512i words_of(__m512 first, __m512 second) {
    const __m512i interleave = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4,
        19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(interleave, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// Words of 32 neighbouring k of one row, zero beyond `count`.
INLINE_KERNEL __m512i words_along(const float *row, size_t count) {
    if (count >= 32)
        return (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(row + 16), _mm512_loadu_ps(row));
    __m512 first = _mm512_maskz_loadu_ps(first_lanes(count), row);
    __m512 second = count > 16 ? _mm512_maskz_loadu_ps(first_lanes(count - 16), row + 16)
                               : _mm512_setzero_ps();
    return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

KERNEL void pack_left_rows(left_part left, uint32_t *packed, size_t packed_stride) {
    for (size_t r = 0; r < left.row_count; r++)
        for (size_t k = 0; k < left.depth; k += 32) {
            const float *from = left.floats + r * left.stride + k;
            _mm_prefetch(from + left.stride, _MM_HINT_T0);
            _mm_prefetch(from + left.stride + 16, _MM_HINT_T0);
            _mm512_store_si512(packed + r * packed_stride + k / 2,
                               words_along(from, left.depth - k));
        }
}

KERNEL void pack_left_columns(left_part left, uint32_t *packed, size_t packed_stride) {
    for (size_t k = 0; k < left.depth; k += 32) {
        for (size_t r = 0; r < left.row_count; r += 16) {
            __mmask16 mask = first_lanes(left.row_count - r);
            __m512i square[16];
            for (size_t i = 0; i < 16; i++) {
                __m512 pair[2];
                for (size_t j = 0; j < 2; j++) {
                    size_t at = k + 2 * i + j;
                    pair[j] = _mm512_setzero_ps();
                    if (at >= left.depth) continue;
                    const float *from = left.floats + at * left.stride + r;
                    _mm_prefetch(from + 32 * left.stride, _MM_HINT_T1);
                    pair[j] = _mm512_maskz_loadu_ps(mask, from);
                    if (left.inverses)
                        pair[j] = _mm512_mul_ps(pair[j], _mm512_set1_ps(left.inverses[at]));
                }
                square[i] = words_of(pair[0], pair[1]);
            }
            transpose_words(square);
            for (size_t i = 0; i < 16 && r + i < left.row_count; i++)
                _mm512_store_si512(packed + (r + i) * packed_stride + k / 2, square[i]);
        }
    }
}

KERNEL void pack_right_rows(const float *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel) {
    for (size_t k = 0; k < depth; k += 2) {
        const float *first = rows + k * stride, *second = first + stride;
        int paired = k + 1 < depth;
        for (size_t v = 0; v < VECTORS; v++) {
            __mmask16 mask = v * 16 < width ? first_lanes(width - v * 16) : 0;
            _mm_prefetch(first + ROWS_AHEAD * stride + v * 16, _MM_HINT_T0);
            _mm_prefetch(second + ROWS_AHEAD * stride + v * 16, _MM_HINT_T0);
            __m512 one = _mm512_maskz_loadu_ps(mask, first + v * 16);
            __m512 two = _mm512_maskz_loadu_ps(paired ? mask : 0, paired ? second + v * 16 : first);
            _mm512_store_si512(panel + k / 2 * PANEL + v * 16, words_of(one, two));
        }
    }
}

KERNEL void pack_right_columns(const float *rows, size_t stride, size_t width, size_t depth,
                               uint32_t *panel) {
    size_t words = (depth + 1) / 2;
    for (size_t v = 0; v < VECTORS; v++) {
        for (size_t k = 0; k < depth; k += 32) {
            __m512i square[16];
            for (size_t i = 0; i < 16; i++)
                square[i] = v * 16 + i < width
                                ? words_along(rows + (v * 16 + i) * stride + k, depth - k)
                                : _mm512_setzero_si512();
            transpose_words(square);
            for (size_t w = k / 2, i = 0; i < 16 && w < words; i++, w++)
                _mm512_store_si512(panel + w * PANEL + v * 16, square[i]);
        }
    }
}

KERNEL void pack_right_bf16(const uint16_t *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel) {
    size_t words = (depth + 1) / 2;
    for (size_t v = 0; v < VECTORS; v++) {
        for (size_t k = 0; k < depth; k += 32) {
            __mmask32 mask = depth - k >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << (depth - k)) - 1;
            __m512i square[16];
            for (size_t i = 0; i < 16; i++)
                square[i] = v * 16 + i < width ? _mm512_maskz_loadu_epi16(
                                                     mask, rows + (v * 16 + i) * stride + k)
                                               : _mm512_setzero_si512();
            transpose_words(square);
            for (size_t w = k / 2, i = 0; i < 16 && w < words; i++, w++)
                _mm512_store_si512(panel + w * PANEL + v * 16, square[i]);
        }
    }
}

// Eight bits fit bf16's significand: the upper halves of the floats are exact.
INLINE_KERNEL __m512i code_words(__m512i first, __m512i second) {
    __m512i one = _mm512_castps_si512(_mm512_cvtepi32_ps(first));
    __m512i two = _mm512_castps_si512(_mm512_cvtepi32_ps(second));
    return _mm512_mask_blend_epi16(0xAAAAAAAA, _mm512_srli_epi32(one, 16), two);
}

// bf16 of -1, 0, 1, looked up by trit + 1.
INLINE_KERNEL __m512i trit_words(__m512i trits) {
    const __m512i values = _mm512_inserti32x4(
        _mm512_setzero_si512(), _mm_set_epi16(0, 0, 0, 0, 0, 0x3F80, 0, (int16_t)0xBF80), 0);
    return _mm512_permutexvar_epi16(trits, values);
}

DEFINE_PRODUCT(bf16)
