#include "inference_kernels.h"
#include "product_kernels.h"

#include <math.h>

extern const inference_kernels_table inference_kernels_scalar;
extern const inference_kernels_table inference_kernels_avx2;
extern const inference_kernels_table inference_kernels_avx512;

const inference_kernels_table *inference_kernels(int instruction_set) {
    switch (instruction_set) {
    case 1: return &inference_kernels_avx2;
    case 2: return &inference_kernels_avx512;
    default: return &inference_kernels_scalar;
    }
}

size_t index_of_largest(const float *x, size_t count) {
    enum { WIDTH = 16 };
    float lanes[WIDTH], largest = -INFINITY;
    for (size_t j = 0; j < WIDTH; j++) lanes[j] = -INFINITY;
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH)
        for (size_t j = 0; j < WIDTH; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
    for (; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    for (size_t j = 0; j < WIDTH; j++) largest = lanes[j] > largest ? lanes[j] : largest;
    for (i = 0; i < count; i++)
        if (x[i] == largest) return i;
    return 0;
}

size_t index_of_share(const float *weights, size_t count, double share) {
    size_t last = 0;
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(weights[i] > 0)) continue;
        last = i;
        sum += weights[i];
        if (sum > share) break;
    }
    return last;
}

void random_bf16(uint16_t *values, uint64_t first, size_t count, float deviation, uint64_t seed) {
    // Four uniform bytes have the mean 510 and the variance 4 * (256^2 - 1) / 12.
    float unit = deviation / 147.8f;
    for (size_t i = 0; i < count; i++) {
        uint64_t z = seed + (first + i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        int sum = (int)(z >> 24 & 255) + (int)(z >> 32 & 255) + (int)(z >> 40 & 255) +
                  (int)(z >> 48 & 255);
        float value = unit * (float)(sum - 510);
        floats_to_bf16(&value, 1, values + i);
    }
}
