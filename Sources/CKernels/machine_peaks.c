#include "instruction_sets.h"
#include "machine_kernels.h"

#include <immintrin.h>

// More than the longest latency times the units: no sum waits for itself.
enum { SUMS = 16 };

// Keeps `value` in a register, and the compiler from knowing what is in it.
#define OPAQUE(value) __asm__ volatile("" : "+v"(value))

// NAME: rounds of STEP on SUMS sums of TYPE, LANES multiply-adds each.
#define DEFINE_PEAK(NAME, TARGET, TYPE, LANES, STEP)                                           \
    TARGET double NAME(size_t rounds) {                                                        \
        TYPE sums[SUMS] = {0}, a = {0}, b = {0};                                               \
        OPAQUE(a);                                                                             \
        OPAQUE(b);                                                                             \
        for (size_t round = 0; round < rounds; round++) {                                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < SUMS; i++) {                \
                TYPE sum = sums[i];                                                            \
                STEP;                                                                          \
                OPAQUE(sum);                                                                   \
                sums[i] = sum;                                                                 \
            }                                                                                  \
        }                                                                                      \
        return 2.0 * SUMS * (LANES) * (double)rounds;                                          \
    }

DEFINE_PEAK(peak_fp32_reference, , __m128, 4, sum = _mm_add_ps(_mm_mul_ps(sum, a), b))
DEFINE_PEAK(peak_fp32_avx2, TARGET_AVX2, __m256, 8, sum = _mm256_fmadd_ps(a, b, sum))
DEFINE_PEAK(peak_fp32_avx512, TARGET_AVX512, __m512, 16, sum = _mm512_fmadd_ps(a, b, sum))
DEFINE_PEAK(peak_bf16_avx512, TARGET_AVX512, __m512, 32,
            sum = _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b))
// Eight products of 16 bits, added in pairs.
DEFINE_PEAK(peak_int16_reference, , __m128i, 8, sum = _mm_add_epi32(_mm_madd_epi16(sum, a), b))
DEFINE_PEAK(peak_int16_avx2, TARGET_AVX2, __m256i, 16,
            sum = _mm256_add_epi32(_mm256_madd_epi16(sum, a), b))
DEFINE_PEAK(peak_int16_avx512, TARGET_AVX512, __m512i, 32, sum = _mm512_dpwssd_epi32(sum, a, b))
DEFINE_PEAK(peak_int8_avx2, TARGET_AVX2, __m256i, 32,
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(sum, b), a)))
DEFINE_PEAK(peak_int8_avx512, TARGET_AVX512, __m512i, 64, sum = _mm512_dpbusd_epi32(sum, a, b))

INLINE_BODY uint64_t memory_read(const uint64_t *words, size_t count) {
    uint64_t lanes[64] = {0};
    size_t i = 0;
    for (; i + 64 <= count; i += 64)
        for (size_t j = 0; j < 64; j++) lanes[j] ^= words[i + j];
    uint64_t all = 0;
    for (size_t j = 0; j < 64; j++) all ^= lanes[j];
    for (; i < count; i++) all ^= words[i];
    return all;
}

INLINE_BODY void memory_update(float *restrict a, float *restrict b, float *restrict c,
                               const float *restrict d, size_t count) {
    for (size_t i = 0; i < count; i++) {
        a[i] += d[i];
        b[i] += d[i];
        c[i] += d[i];
    }
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET uint64_t memory_read_##SET(const uint64_t *words, size_t count) {                   \
        return memory_read(words, count);                                                      \
    }                                                                                          \
    TARGET void memory_update_##SET(float *a, float *b, float *c, const float *d,              \
                                    size_t count) {                                            \
        memory_update(a, b, c, d, count);                                                      \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
INSTANTIATE(avx512, TARGET_AVX512)
