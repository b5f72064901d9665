// Floats times codes or trits.
#define STEP_WORDS PRODUCT_BLOCK_WORDS
#define STEP_LIMIT PRODUCT_INT16_LIMIT
#define RIGHT_HAS_STEPS 0
#define RIGHT_FLOATS 0
#define RIGHT_INTEGERS 1
#include "product_int16_left.h"

_Static_assert(PRODUCT_INT16_DEPTH == STEP_DEPTH, "as the reference has it");

KERNEL void pack_right_codes(const int8_t *rows, size_t stride, size_t width, size_t depth,
                             uint32_t *panel) {
    for (size_t k = 0; k < depth; k += 2) {
        const int8_t *first = rows + k * stride, *second = first + stride;
        _mm_prefetch(first + ROWS_AHEAD * stride, _MM_HINT_T0);
        _mm_prefetch(second + ROWS_AHEAD * stride, _MM_HINT_T0);
        int paired = k + 1 < depth;
        for (size_t v = 0; v < VECTORS; v++) {
            __mmask16 mask = v * 16 < width ? first_lanes(width - v * 16) : 0;
            __m128i one = _mm_maskz_loadu_epi8(mask, first + v * 16);
            __m128i two = _mm_maskz_loadu_epi8(paired ? mask : 0, paired ? second + v * 16 : first);
            _mm512_store_si512(panel + k / 2 * PANEL + v * 16,
                               words_of(_mm512_cvtepi8_epi32(one), _mm512_cvtepi8_epi32(two)));
        }
    }
}

KERNEL void pack_right_trits(const uint8_t *packed, size_t groups, size_t first_k,
                             size_t first_column, size_t depth, uint32_t *panel) {
    size_t words = (depth + 1) / 2;
    for (size_t v = 0; v < VECTORS; v++) {
        size_t group = first_column / 4 + v * 4;
        size_t group_count = group < groups ? groups - group : 0;
        for (size_t k = 0; k < depth; k += 16) {
            size_t row = first_k + k;
            const uint8_t *at = packed + (row / 64 * groups + group) * 256 + row % 64 * 4;
            _Alignas(64) uint8_t bytes[16][16];
            trit_square(at, group_count, bytes);
            for (size_t pair = 0; pair < 8 && k / 2 + pair < words; pair++) {
                __m128i one = _mm_load_si128((const __m128i *)bytes[2 * pair]);
                __m128i two = _mm_load_si128((const __m128i *)bytes[2 * pair + 1]);
                __m256i both = _mm256_set_m128i(_mm_unpackhi_epi8(one, two),
                                                _mm_unpacklo_epi8(one, two));
                _mm512_store_si512(
                    panel + (k / 2 + pair) * PANEL + v * 16,
                    _mm512_sub_epi16(_mm512_cvtepu8_epi16(both), _mm512_set1_epi16(1)));
            }
        }
    }
}

TARGET_AVX512 void product_pack_int16_avx512(const product_operands *operands, product_block block,
                                             size_t first, size_t last, void *shared) {
    pack_shared(operands, block, first, last, shared);
}

TARGET_AVX512 void product_int16_avx512(const product_operands *operands, product_block block,
                                        const void *shared, size_t first, size_t last,
                                        void *scratch) {
    product_part(operands, block, shared, first, last, scratch);
}
