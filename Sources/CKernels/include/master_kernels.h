// Latent weights in bf16 that still round to the same trits.
#ifndef MASTER_KERNELS_H
#define MASTER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// rounded[i] = x[i] in bf16: the nearest, or, where that one would round to another trit than
// trits[i], its neighbour on the right side of the threshold. A trit is 0 up to the threshold and 1 in
// magnitude above it. x, trits, rounded: [count].
// Returns the sum of the rounded magnitudes.
double floats_to_bf16_keeping_trits(const float *x, const int8_t *trits, size_t count,
                                    float threshold, uint16_t *rounded);

#endif
