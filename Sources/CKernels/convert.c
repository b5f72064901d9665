#include "product_kernels.h"

#include <string.h>

// Ties to even; a NaN stays a NaN.
void round_to_bf16(const float *x, size_t count, float *rounded) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, 4);
        uint32_t up = bits + 0x7FFF + ((bits >> 16) & 1);
        uint32_t result = (bits & 0x7FFFFFFF) > 0x7F800000 ? bits | 0x400000 : up;
        result &= 0xFFFF0000;
        memcpy(rounded + i, &result, 4);
    }
}

void scale_floats(const float *x, size_t count, float factor, float *scaled) {
    for (size_t i = 0; i < count; i++) scaled[i] = x[i] * factor;
}

void widen_codes(const int8_t *codes, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = codes[i];
}
