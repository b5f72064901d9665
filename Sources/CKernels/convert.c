#include "product_kernels.h"

#include <string.h>

// Ties to even; a NaN stays a NaN.
static inline uint32_t rounded_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint32_t up = bits + 0x7FFF + ((bits >> 16) & 1);
    return ((bits & 0x7FFFFFFF) > 0x7F800000 ? bits | 0x400000 : up) & 0xFFFF0000;
}

void floats_to_bf16(const float *x, size_t count, uint16_t *rounded) {
    for (size_t i = 0; i < count; i++) rounded[i] = (uint16_t)(rounded_bits(x[i]) >> 16);
}

void bf16_to_floats(const uint16_t *x, size_t count, float *widened) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(widened + i, &bits, 4);
    }
}

void round_to_bf16(const float *x, size_t count, float *rounded) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = rounded_bits(x[i]);
        memcpy(rounded + i, &bits, 4);
    }
}

void scale_floats(const float *x, size_t count, float factor, float *scaled) {
    for (size_t i = 0; i < count; i++) scaled[i] = x[i] * factor;
}

void widen_codes(const int8_t *codes, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = codes[i];
}
