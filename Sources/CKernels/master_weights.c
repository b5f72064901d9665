#include "master_kernels.h"
#include "product_kernels.h"

#include <math.h>

static float widened(uint16_t half) {
    float value;
    bf16_to_floats(&half, 1, &value);
    return value;
}

double floats_to_bf16_keeping_trits(const float *x, const int8_t *trits, size_t count,
                                    float threshold, uint16_t *rounded) {
    // Whoever divides by the mean may round it differently: stay clear of the threshold.
    const float below = threshold * (1 - 0x1p-16f), above = threshold * (1 + 0x1p-16f);
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        floats_to_bf16(x + i, 1, &half);
        float size = fabsf(widened(half));
        if (trits[i] == 0) {
            while (size >= below && size > 0) size = fabsf(widened(--half));
        } else {
            while (size <= above) size = fabsf(widened(++half));
        }
        rounded[i] = half;
        sum += size;
    }
    return sum;
}
