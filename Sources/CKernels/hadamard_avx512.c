#include "instruction_sets.h"
#include "quantizer_kernels.h"

#include <immintrin.h>
#include <math.h>

#define INLINE_KERNEL TARGET_AVX512 static inline __attribute__((always_inline))

// The stages run in the reference's order, distance 1 first, so that the bits are the same.
// Inside a vector a stage is partner + (own, negated in the upper half of each pair).
INLINE_KERNEL __m512 negated(__m512 x, __mmask16 lanes) {
    return _mm512_castsi512_ps(_mm512_mask_xor_epi32(_mm512_castps_si512(x), lanes,
                                                     _mm512_castps_si512(x),
                                                     _mm512_set1_epi32((int32_t)0x80000000)));
}

INLINE_KERNEL __m512 inside_vector(__m512 x) {
    x = _mm512_add_ps(_mm512_permute_ps(x, 0xB1), negated(x, 0xAAAA));
    x = _mm512_add_ps(_mm512_permute_ps(x, 0x4E), negated(x, 0xCCCC));
    x = _mm512_add_ps(_mm512_shuffle_f32x4(x, x, 0xB1), negated(x, 0xF0F0));
    return _mm512_add_ps(_mm512_shuffle_f32x4(x, x, 0x4E), negated(x, 0xFF00));
}

// The stages between `count` vectors, a power of two.
INLINE_KERNEL void between_vectors(__m512 *x, const int count) {
    for (int half = 1; half < count; half *= 2)
        for (int i = 0; i < count; i++)
            if (!(i & half)) {
                __m512 a = x[i], b = x[i + half];
                x[i] = _mm512_add_ps(a, b);
                x[i + half] = _mm512_sub_ps(a, b);
            }
}

// The first stages of `count` neighbouring vectors.
INLINE_KERNEL void first_stages(float *values, const int count, __m512 scale) {
    __m512 x[16];
    for (int i = 0; i < count; i++) x[i] = inside_vector(_mm512_loadu_ps(values + 16 * i));
    between_vectors(x, count);
    for (int i = 0; i < count; i++) _mm512_storeu_ps(values + 16 * i, _mm512_mul_ps(x[i], scale));
}

// The later stages of `count` parts, each `distance` floats long.
INLINE_KERNEL void later_stages(float *values, const int count, size_t distance, __m512 scale) {
    for (size_t at = 0; at < distance; at += 16) {
        __m512 x[16];
        for (int i = 0; i < count; i++) x[i] = _mm512_loadu_ps(values + at + (size_t)i * distance);
        between_vectors(x, count);
        for (int i = 0; i < count; i++)
            _mm512_storeu_ps(values + at + (size_t)i * distance, _mm512_mul_ps(x[i], scale));
    }
}

TARGET_AVX512 static void block_of_at_least_16(float *values, size_t block) {
    const __m512 one = _mm512_set1_ps(1.0f), last = _mm512_set1_ps(1.0f / sqrtf((float)block));
    switch (block) {
    case 16: first_stages(values, 1, last); return;
    case 32: first_stages(values, 2, last); return;
    case 64: first_stages(values, 4, last); return;
    case 128: first_stages(values, 8, last); return;
    default: break;
    }
    for (size_t i = 0; i < block; i += 256)
        first_stages(values + i, 16, block == 256 ? last : one);
    for (size_t done = 256; done < block;) {
        size_t rest = block / done;
        size_t count = rest >= 16 ? 16 : rest;
        __m512 scale = done * count == block ? last : one;
        for (size_t i = 0; i < block; i += done * count) {
            switch (count) {
            case 2: later_stages(values + i, 2, done, scale); break;
            case 4: later_stages(values + i, 4, done, scale); break;
            case 8: later_stages(values + i, 8, done, scale); break;
            default: later_stages(values + i, 16, done, scale); break;
            }
        }
        done *= count;
    }
}

TARGET_AVX512 void hadamard_avx512(float *x, size_t rows, size_t columns, size_t block) {
    if (block < 16) {
        hadamard_avx2(x, rows, columns, block);
        return;
    }
    for (size_t start = 0; start < rows * columns; start += block)
        block_of_at_least_16(x + start, block);
}
