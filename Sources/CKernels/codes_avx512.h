// What the integer products share: broadcasting four codes, and the sum that trit + 1 adds.
#ifndef CKERNELS_CODES_AVX512_H
#define CKERNELS_CODES_AVX512_H

#include "instruction_sets.h"

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

TARGET_AVX512 static inline __attribute__((always_inline)) __m512i four_codes(const int8_t *at) {
    int32_t four;
    memcpy(&four, at, 4);
    return _mm512_set1_epi32(four);
}

TARGET_AVX512 static inline int32_t sum_of_codes(const int8_t *codes, size_t columns) {
    __m512i sum = _mm512_setzero_si512(), ones = _mm512_set1_epi8(1);
    size_t k = 0;
    for (; k + 64 <= columns; k += 64)
        sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(codes + k));
    __mmask64 tail = ((__mmask64)1 << (columns - k)) - 1;
    sum = _mm512_dpbusd_epi32(sum, ones, _mm512_maskz_loadu_epi8(tail, codes + k));
    return _mm512_reduce_add_epi32(sum);
}

#endif
