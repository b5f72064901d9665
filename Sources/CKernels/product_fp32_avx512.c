#define WORD_DEPTH 1
#define LEFT_ROWS_AS_THEY_ARE 1
#define STEP_WORDS PRODUCT_BLOCK_WORDS
#define LEFT_HAS_STEPS 0
#define RIGHT_HAS_STEPS 0
#define RIGHT_FLOATS 1
#define RIGHT_INTEGERS 1
#include "product_blocks.h"

INLINE_KERNEL __m512 multiply_add(__m512 sum, __m512i left, __m512i right) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(left), _mm512_castsi512_ps(right), sum);
}

INLINE_KERNEL __m512 sum_as_floats(__m512 sum) { return sum; }

KERNEL void pack_left_rows(left_part left, uint32_t *packed, size_t packed_stride) {
    for (size_t r = 0; r < left.row_count; r++)
        for (size_t k = 0; k < left.depth; k += 16)
            _mm512_store_ps(packed + r * packed_stride + k,
                            _mm512_maskz_loadu_ps(first_lanes(left.depth - k),
                                                  left.floats + r * left.stride + k));
}

KERNEL void pack_left_columns(left_part left, uint32_t *packed, size_t packed_stride) {
    for (size_t k = 0; k < left.depth; k += 16) {
        for (size_t r = 0; r < left.row_count; r += 16) {
            __mmask16 mask = first_lanes(left.row_count - r);
            __m512i square[16];
            for (size_t i = 0; i < 16; i++) {
                __m512 value = _mm512_setzero_ps();
                if (k + i < left.depth) {
                    const float *from = left.floats + (k + i) * left.stride + r;
                    _mm_prefetch(from + 16 * left.stride, _MM_HINT_T1);
                    value = _mm512_maskz_loadu_ps(mask, from);
                    if (left.inverses)
                        value = _mm512_mul_ps(value, _mm512_set1_ps(left.inverses[k + i]));
                }
                square[i] = _mm512_castps_si512(value);
            }
            transpose_words(square);
            for (size_t i = 0; i < 16 && r + i < left.row_count; i++)
                _mm512_store_si512(packed + (r + i) * packed_stride + k, square[i]);
        }
    }
}

KERNEL void pack_right_rows(const float *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel) {
    for (size_t k = 0; k < depth; k++)
        for (size_t v = 0; v < VECTORS; v++) {
            __mmask16 mask = v * 16 < width ? first_lanes(width - v * 16) : 0;
            const float *from = rows + k * stride + v * 16;
            _mm_prefetch(from + ROWS_AHEAD * stride, _MM_HINT_T0);
            _mm512_store_ps(panel + k * PANEL + v * 16, _mm512_maskz_loadu_ps(mask, from));
        }
}

KERNEL void pack_right_columns(const float *rows, size_t stride, size_t width, size_t depth,
                               uint32_t *panel) {
    for (size_t v = 0; v < VECTORS; v++) {
        for (size_t k = 0; k < depth; k += 16) {
            __m512i square[16];
            for (size_t i = 0; i < 16; i++)
                square[i] = v * 16 + i < width
                                ? _mm512_castps_si512(_mm512_maskz_loadu_ps(
                                      first_lanes(depth - k), rows + (v * 16 + i) * stride + k))
                                : _mm512_setzero_si512();
            transpose_words(square);
            for (size_t i = 0; i < 16 && k + i < depth; i++)
                _mm512_store_si512(panel + (k + i) * PANEL + v * 16, square[i]);
        }
    }
}

KERNEL void pack_right_bf16(const uint16_t *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel) {
    for (size_t v = 0; v < VECTORS; v++) {
        for (size_t k = 0; k < depth; k += 16) {
            __m512i square[16];
            for (size_t i = 0; i < 16; i++) {
                __mmask16 mask = v * 16 + i < width ? first_lanes(depth - k) : 0;
                __m256i bits = _mm256_maskz_loadu_epi16(
                    mask, mask ? rows + (v * 16 + i) * stride + k : rows);
                square[i] = _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16);
            }
            transpose_words(square);
            for (size_t i = 0; i < 16 && k + i < depth; i++)
                _mm512_store_si512(panel + (k + i) * PANEL + v * 16, square[i]);
        }
    }
}

KERNEL void pack_right_codes(const int8_t *rows, size_t stride, size_t width, size_t depth,
                             uint32_t *panel) {
    for (size_t k = 0; k < depth; k++)
        for (size_t v = 0; v < VECTORS; v++) {
            __mmask16 mask = v * 16 < width ? first_lanes(width - v * 16) : 0;
            __m128i codes = _mm_maskz_loadu_epi8(mask, rows + k * stride + v * 16);
            _mm512_store_ps(panel + k * PANEL + v * 16,
                            _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(codes)));
        }
}

INLINE_KERNEL void store_trits(uint8_t bytes[16][16], size_t words, uint32_t *panel) {
    const __m512 values =
        _mm512_set_ps(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1.0f, 0.0f, -1.0f);
    for (size_t i = 0; i < 16 && i < words; i++) {
        __m512i trits = _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)bytes[i]));
        _mm512_store_ps(panel + i * PANEL, _mm512_permutexvar_ps(trits, values));
    }
}

DEFINE_PRODUCT(fp32)
