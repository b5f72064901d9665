// Floats times floats, both as integers.
#define STEP_WORDS 64
#define STEP_LIMIT PRODUCT_INT16_FLOATS_LIMIT
#define RIGHT_HAS_STEPS 1
#define RIGHT_FLOATS 1
#define RIGHT_INTEGERS 0
#include "product_int16_left.h"

_Static_assert(PRODUCT_INT16_FLOATS_DEPTH == STEP_DEPTH, "as the reference has it");

KERNEL void pack_right_rows(const float *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel) {
    for (size_t first = 0; first == 0 || first < depth; first += STEP_DEPTH) {
        size_t last = at_most(depth, first + STEP_DEPTH);
        __mmask16 masks[VECTORS];
        __m512i largest[VECTORS] = {0};
        for (size_t v = 0; v < VECTORS; v++)
            masks[v] = v * 16 < width ? first_lanes(width - v * 16) : 0;
        for (size_t k = first; k < last; k++)
            for (size_t v = 0; v < VECTORS; v++) {
                const float *from = rows + k * stride + v * 16;
                _mm_prefetch(from + ROWS_AHEAD * stride, _MM_HINT_T0);
                largest[v] = larger_magnitude(largest[v], _mm512_maskz_loadu_ps(masks[v], from));
            }
        steps each[VECTORS];
        for (size_t v = 0; v < VECTORS; v++) each[v] = steps_of(largest[v]);
        for (size_t k = first; k < last; k += 2, panel += PANEL) {
            const float *one = rows + k * stride, *two = one + stride;
            int paired = k + 1 < last;
            for (size_t v = 0; v < VECTORS; v++) {
                __m512 x = _mm512_maskz_loadu_ps(masks[v], one + v * 16);
                __m512 y = _mm512_maskz_loadu_ps(paired ? masks[v] : 0, paired ? two + v * 16 : one);
                _mm512_store_si512(panel + v * 16, words_of(integers(x, each[v].inverse),
                                                            integers(y, each[v].inverse)));
            }
        }
        for (size_t v = 0; v < VECTORS; v++) _mm512_store_ps(panel + v * 16, each[v].step);
        panel += PANEL;
    }
}

INLINE_KERNEL __m512 bf16_at(const uint16_t *row, size_t k, size_t depth) {
    if (k >= depth) return _mm512_setzero_ps();
    __m256i halves = k + 16 <= depth ? _mm256_loadu_si256((const __m256i *)(row + k))
                                     : _mm256_maskz_loadu_epi16(first_lanes(depth - k), row + k);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

// FLOATS_AT(row, k, depth): sixteen floats of a row of TYPE, zero beyond depth.
#define DEFINE_PACK_ALONG(NAME, TYPE, FLOATS_AT)                                                  \
    KERNEL void NAME(const TYPE *rows, size_t stride, size_t width, size_t depth,                 \
                     uint32_t *panel) {                                                           \
        for (size_t first = 0; first == 0 || first < depth; first += STEP_DEPTH) {                \
            size_t last = at_most(depth, first + STEP_DEPTH), words = (last - first + 1) / 2;     \
            for (size_t v = 0; v < VECTORS; v++) {                                                \
                __m512 inverses[16];                                                              \
                for (size_t i = 0; i < 16; i++) {                                                 \
                    __m512i largest = _mm512_setzero_si512();                                     \
                    const TYPE *row = rows + (v * 16 + i) * stride;                               \
                    for (size_t k = first; k < last && v * 16 + i < width; k += 16)               \
                        largest = larger_magnitude(largest, FLOATS_AT(row, k, last));             \
                    row_step each = step_of(largest);                                             \
                    inverses[i] = _mm512_set1_ps(each.inverse);                                   \
                    store_float(panel + words * PANEL + v * 16 + i, each.step);                   \
                }                                                                                 \
                for (size_t w = 0; w < words; w += 16) {                                          \
                    __m512i square[16];                                                           \
                    size_t k = first + 2 * w;                                                     \
                    for (size_t i = 0; i < 16; i++) {                                             \
                        const TYPE *row = rows + (v * 16 + i) * stride;                           \
                        square[i] = v * 16 + i < width                                            \
                                        ? words_of_halves(                                        \
                                              integers(FLOATS_AT(row, k, last), inverses[i]),     \
                                              integers(FLOATS_AT(row, k + 16, last), inverses[i])) \
                                        : _mm512_setzero_si512();                                 \
                    }                                                                             \
                    transpose_words(square);                                                      \
                    for (size_t i = 0; i < 16 && w + i < words; i++)                              \
                        _mm512_store_si512(panel + (w + i) * PANEL + v * 16, square[i]);          \
                }                                                                                 \
            }                                                                                     \
            panel += (words + 1) * PANEL;                                                         \
        }                                                                                         \
    }

DEFINE_PACK_ALONG(pack_right_columns, float, floats_at)
DEFINE_PACK_ALONG(pack_right_bf16, uint16_t, bf16_at)

DEFINE_PRODUCT(int16_floats)
