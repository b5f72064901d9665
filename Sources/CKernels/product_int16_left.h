// The left operand as integers, which both products in int16 share, and how floats become them.
// Included by product_int16_avx512.c and product_int16_floats_avx512.c, which define STEP_LIMIT, the
// largest magnitude, beside what product_blocks.h asks for.
#define WORD_DEPTH 2
#define LEFT_ROWS_AS_THEY_ARE 0
#define LEFT_HAS_STEPS 1
#include "product_blocks.h"

#include <string.h>

enum { STEP_DEPTH = STEP_WORDS * WORD_DEPTH };

// In assembly: Clang makes two instructions of the intrinsic (vpmaddwd, vpaddd) to shorten a chain
// that is not what this loop waits for.
INLINE_KERNEL __m512 multiply_add(__m512 sum, __m512i left, __m512i right) {
    __m512i sums = _mm512_castps_si512(sum);
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sums) : "v"(left), "v"(right));
    return _mm512_castsi512_ps(sums);
}

INLINE_KERNEL __m512 sum_as_floats(__m512 sum) {
    return _mm512_cvtepi32_ps(_mm512_castps_si512(sum));
}

// The bits of magnitudes: as integers they are in the floats' order, and what is not finite is above.
INLINE_KERNEL __m512i larger_magnitude(__m512i largest, __m512 x) {
    return _mm512_max_epi32(
        largest, _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7FFFFFFF)));
}

// What floats are multiplied by to be integers, and what 1 is worth: of sixteen rows.
typedef struct {
    __m512 inverse, step;
} steps;

INLINE_KERNEL steps steps_of(__m512i largest) {
    const __m512 limit = _mm512_set1_ps(STEP_LIMIT), nan = _mm512_set1_ps(__builtin_nanf(""));
    __m512 magnitude = _mm512_castsi512_ps(largest);
    __mmask16 finite = _mm512_cmplt_epi32_mask(largest, _mm512_set1_epi32(0x7F800000));
    __mmask16 usable = finite & _mm512_cmp_ps_mask(
                                    magnitude, _mm512_set1_ps(PRODUCT_INT16_SMALLEST), _CMP_GE_OQ);
    __m512 step = _mm512_maskz_mul_ps(usable, magnitude, _mm512_set1_ps(1.0f / STEP_LIMIT));
    return (steps){_mm512_maskz_div_ps(usable, limit, magnitude),
                   _mm512_mask_blend_ps(finite, nan, step)};
}

// The same of one row, whose largest magnitude is in any lane.
typedef struct {
    float inverse, step;
} row_step;

INLINE_KERNEL row_step step_of(__m512i largest) {
    int32_t bits = _mm512_reduce_max_epi32(largest);
    float magnitude;
    memcpy(&magnitude, &bits, sizeof magnitude);
    if (bits >= 0x7F800000) return (row_step){0, __builtin_nanf("")};
    if (magnitude < PRODUCT_INT16_SMALLEST) return (row_step){0, 0};
    return (row_step){(float)STEP_LIMIT / magnitude, magnitude * (1.0f / STEP_LIMIT)};
}

INLINE_KERNEL __m512i integers(__m512 x, __m512 inverse) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(x, inverse));
}

// dither: of each lane. Left's; only beside floats is it ever anything else than 0.
INLINE_KERNEL __m512i left_integers(__m512 x, __m512 inverse, __m512i dither) {
    if (!RIGHT_FLOATS) return integers(x, inverse);
    __m512 added = _mm512_mul_ps(_mm512_cvtepi32_ps(dither), _mm512_set1_ps(0x1p-32f));
    return _mm512_cvtps_epi32(_mm512_add_ps(_mm512_mul_ps(x, inverse), added));
}

// Words of two vectors: lane i is (first[i], second[i]).
INLINE_KERNEL __m512i words_of(__m512i first, __m512i second) {
    return _mm512_mask_blend_epi16(0xAAAAAAAA, first, _mm512_slli_epi32(second, 16));
}

// Words of 32 neighbours: lane i of `first` is neighbour i.
INLINE_KERNEL __m512i words_of_halves(__m512i first, __m512i second) {
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(first)),
                              _mm512_cvtepi32_epi16(second), 1);
}

INLINE_KERNEL __m512 floats_at(const float *row, size_t k, size_t depth) {
    if (k + 16 <= depth) return _mm512_loadu_ps(row + k);
    return k < depth ? _mm512_maskz_loadu_ps(first_lanes(depth - k), row + k) : _mm512_setzero_ps();
}

INLINE_KERNEL void store_float(uint32_t *word, float value) { memcpy(word, &value, sizeof value); }

// The dither of lanes 0 to 15, from one to the next so much.
INLINE_KERNEL __m512i lanes_of(uint32_t first, uint32_t to_next) {
    const __m512i lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    return _mm512_add_epi32(_mm512_set1_epi32((int32_t)first),
                            _mm512_mullo_epi32(lanes, _mm512_set1_epi32((int32_t)to_next)));
}

KERNEL void pack_left_rows(left_part left, uint32_t *packed, size_t packed_stride) {
    const __m512i further = _mm512_set1_epi32((int32_t)(16 * left.dither.to_k));
    for (size_t r = 0; r < left.row_count; r++) {
        const float *row = left.floats + r * left.stride;
        uint32_t *to = packed + r * packed_stride, *to_steps = to + left_steps(packed_stride);
        __m512i dither = lanes_of(left.dither.first + (uint32_t)r * left.dither.to_row,
                                  left.dither.to_k);
        for (size_t first = 0; first == 0 || first < left.depth; first += STEP_DEPTH) {
            size_t last = at_most(left.depth, first + STEP_DEPTH);
            __m512i largest = _mm512_setzero_si512();
            for (size_t k = first; k < last; k += 16) {
                _mm_prefetch(row + left.stride + k, _MM_HINT_T0);
                largest = larger_magnitude(largest, floats_at(row, k, last));
            }
            row_step each = step_of(largest);
            __m512 inverse = _mm512_set1_ps(each.inverse);
            for (size_t k = first; k < last; k += 32) {
                __m512i one = left_integers(floats_at(row, k, last), inverse, dither);
                dither = _mm512_add_epi32(dither, further);
                __m512i two = left_integers(floats_at(row, k + 16, last), inverse, dither);
                dither = _mm512_add_epi32(dither, further);
                _mm512_store_si512(to + k / 2, words_of_halves(one, two));
            }
            store_float(to_steps + first / STEP_DEPTH, each.step);
        }
    }
}

// Sixteen rows of a step, the first of `left`: columns first ..< last of [k][row].
INLINE_KERNEL void pack_left_square(left_part left, size_t first, size_t last, steps each,
                                    uint32_t *packed, size_t packed_stride) {
    __mmask16 mask = first_lanes(left.row_count);
    size_t count = at_most(left.row_count, 16);
    const __m512i further = _mm512_set1_epi32((int32_t)left.dither.to_k);
    __m512i dither = lanes_of(left.dither.first + (uint32_t)first * left.dither.to_k,
                              left.dither.to_row);
    for (size_t k = first; k < last; k += 32) {
        __m512i square[16];
        for (size_t i = 0; i < 16; i++) {
            __m512i pair[2];
            for (size_t j = 0; j < 2; j++) {
                size_t at = k + 2 * i + j;
                pair[j] = _mm512_setzero_si512();
                if (at >= last) continue;
                __m512 x = _mm512_maskz_loadu_ps(mask, left.floats + at * left.stride);
                if (left.inverses) x = _mm512_mul_ps(x, _mm512_set1_ps(left.inverses[at]));
                pair[j] = left_integers(x, each.inverse, dither);
                dither = _mm512_add_epi32(dither, further);
            }
            square[i] = words_of(pair[0], pair[1]);
        }
        transpose_words(square);
        for (size_t i = 0; i < count; i++)
            _mm512_store_si512(packed + i * packed_stride + k / 2, square[i]);
    }
    float values[16];
    _mm512_storeu_ps(values, each.step);
    for (size_t i = 0; i < count; i++)
        store_float(packed + i * packed_stride + left_steps(packed_stride) + first / STEP_DEPTH,
                    values[i]);
}

KERNEL void pack_left_columns(left_part left, uint32_t *packed, size_t packed_stride) {
    enum { GROUPS = PRODUCT_BLOCK_ROWS / 16 };
    for (size_t r = 0; r < left.row_count; r += PRODUCT_BLOCK_ROWS) {
        size_t count = at_most(left.row_count - r, PRODUCT_BLOCK_ROWS), groups = (count + 15) / 16;
        for (size_t first = 0; first == 0 || first < left.depth; first += STEP_DEPTH) {
            size_t last = at_most(left.depth, first + STEP_DEPTH);
            __m512i largest[GROUPS] = {0};
            for (size_t k = first; k < last; k++)
                for (size_t g = 0; g < groups; g++) {
                    const float *from = left.floats + k * left.stride + r + g * 16;
                    _mm_prefetch(from + ROWS_AHEAD * left.stride, _MM_HINT_T0);
                    __m512 x = _mm512_maskz_loadu_ps(first_lanes(count - g * 16), from);
                    if (left.inverses) x = _mm512_mul_ps(x, _mm512_set1_ps(left.inverses[k]));
                    largest[g] = larger_magnitude(largest[g], x);
                }
            for (size_t g = 0; g < groups; g++) {
                left_part rows = left;
                rows.floats += r + g * 16;
                rows.row_count = count - g * 16;
                rows.dither.first += (uint32_t)(r + g * 16) * left.dither.to_row;
                pack_left_square(rows, first, last, steps_of(largest[g]),
                                 packed + (r + g * 16) * packed_stride, packed_stride);
            }
        }
    }
}
