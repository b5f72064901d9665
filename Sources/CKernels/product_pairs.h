// Codes and trits on the right in words of two k. Included by product_bf16_avx512.c and
// product_int16_avx512.c, which define
//   code_words(first, second)   of two vectors of codes: lane i is (first[i], second[i])
//   trit_words(trits)           of trit + 1 in every half of a lane
#ifndef CKERNELS_PRODUCT_PAIRS_H
#define CKERNELS_PRODUCT_PAIRS_H

#include "product_blocks.h"

INLINE_KERNEL __m512i code_words(__m512i first, __m512i second);
INLINE_KERNEL __m512i trit_words(__m512i trits);

INLINE_KERNEL __m512i codes_at(const int8_t *codes, __mmask16 mask) {
    return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, codes));
}

KERNEL void pack_right_codes(const int8_t *rows, size_t stride, size_t width, size_t depth,
                             uint32_t *panel) {
    for (size_t k = 0; k < depth; k += 2) {
        const int8_t *first = rows + k * stride, *second = first + stride;
        _mm_prefetch(first + ROWS_AHEAD * stride, _MM_HINT_T0);
        _mm_prefetch(second + ROWS_AHEAD * stride, _MM_HINT_T0);
        int paired = k + 1 < depth;
        for (size_t v = 0; v < VECTORS; v++) {
            __mmask16 mask = v * 16 < width ? first_lanes(width - v * 16) : 0;
            __m512i one = codes_at(first + v * 16, mask);
            __m512i two = codes_at(paired ? second + v * 16 : first, paired ? mask : 0);
            _mm512_store_si512(panel + k / 2 * PANEL + v * 16, code_words(one, two));
        }
    }
}

INLINE_KERNEL void store_trits(uint8_t bytes[16][16], size_t words, uint32_t *panel) {
    for (size_t pair = 0; pair < 8 && pair < words; pair++) {
        __m128i one = _mm_load_si128((const __m128i *)bytes[2 * pair]);
        __m128i two = _mm_load_si128((const __m128i *)bytes[2 * pair + 1]);
        __m256i both =
            _mm256_set_m128i(_mm_unpackhi_epi8(one, two), _mm_unpacklo_epi8(one, two));
        _mm512_store_si512(panel + pair * PANEL, trit_words(_mm512_cvtepu8_epi16(both)));
    }
}

#endif
