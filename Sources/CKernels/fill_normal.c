#include "vector_kernels.h"

#include <math.h>

// Steele, Lea and Flood 2014: the finalizer of SplitMix64 applied to a counter.
static uint64_t mixed(uint64_t seed, uint64_t counter) {
    uint64_t z = seed + (counter + 1) * 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void fill_normal(float *values, uint64_t first, size_t count, float deviation, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        uint64_t index = first + i;
        uint64_t bits = mixed(seed, index / 2);
        // Both 32-bit halves are moved into (0, 1], so that the logarithm is finite.
        double u = ((double)(bits >> 32) + 1.0) * 0x1p-32;
        double angle = 6.283185307179586 * ((double)(uint32_t)bits * 0x1p-32);
        double radius = sqrt(-2.0 * log(u));
        values[i] = deviation * (float)(radius * (index % 2 ? sin(angle) : cos(angle)));
    }
}
