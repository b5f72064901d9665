#include <math.h>
#include <string.h>

#include "include/loss_kernels.h"

void round_to_half(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const float magnitude = fabsf(x[i]);
    if (!(magnitude <= 65519.996f)) {
      // Rounds to infinity from 65520 on; a NaN stays.
      if (magnitude == magnitude) x[i] = copysignf(INFINITY, x[i]);
      continue;
    }
    // Adding and taking away 2^13 units of the half's last place rounds there, ties to even.
    uint32_t bits;
    memcpy(&bits, &magnitude, sizeof bits);
    uint32_t exponent = bits >> 23;
    if (exponent < 113) exponent = 113;  // below 2^-14 halves are denormal: one fixed spacing
    const uint32_t anchor_bits = (exponent + 13) << 23;
    float anchor;
    memcpy(&anchor, &anchor_bits, sizeof anchor);
    volatile float rounded = magnitude + anchor;
    x[i] = copysignf(rounded - anchor, x[i]);
  }
}
