// Vectors of LANES floats, in the compiler's vector extension, for the *_loops.h files.
//
// Included inside a transformer_<set>.c that has defined LANES and pushed its target attribute.

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "transformer_kernels.h"

typedef float vfloat __attribute__((vector_size(4 * LANES)));
typedef int32_t vint __attribute__((vector_size(4 * LANES)));

static inline vfloat load(const float *p) {
  vfloat v;
  memcpy(&v, p, sizeof v);
  return v;
}

static inline void store(float *p, vfloat v) { memcpy(p, &v, sizeof v); }

static inline vfloat splat(float x) {
  vfloat v;
  // Not {0} + x: a compiler must keep that sum, because of -0.
  for (int i = 0; i < LANES; i++)
    v[i] = x;
  return v;
}

// mask ? a : b, lane by lane; a mask lane is 0 or -1, as comparisons give it.
static inline vfloat blend(vint mask, vfloat a, vfloat b) {
  return (vfloat)((mask & (vint)a) | (~mask & (vint)b));
}

// max(x, 0); a NaN stays one.
static inline vfloat positive_part(vfloat x) { return blend(x < 0.0f, (vfloat){0}, x); }

static inline vfloat larger(vfloat a, vfloat b) { return blend(a > b, a, b); }

// Sum of the lanes, by halves: the order is fixed.
static inline float lane_sum(vfloat v) {
  float lanes[LANES];
  memcpy(lanes, &v, sizeof lanes);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      lanes[i] += lanes[i + half];
  return lanes[0];
}

static inline float lane_max(vfloat v) {
  float lanes[LANES];
  memcpy(lanes, &v, sizeof lanes);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++)
      lanes[i] = lanes[i] > lanes[i + half] ? lanes[i] : lanes[i + half];
  return lanes[0];
}

// e^x with a relative error below 2e-7 for -87 <= x <= 88; outside, the value at that bound. A NaN
// stays one: arithmetic on its bits would make it a number.
// 2^n * e^r with n = round(x/ln 2), ln 2 in two parts (Cody and Waite), e^r by its series to r^7/7!
static inline vfloat exponential(vfloat x) {
  x = blend(x < -87.0f, splat(-87.0f), x);
  x = blend(x > 88.0f, splat(88.0f), x);
  const vfloat magic = splat(12582912.0f); // 1.5 * 2^23: adding it rounds to an integer
  vfloat shifted = x * 1.44269504088896341f + magic;
  vfloat n = shifted - magic;
  vfloat r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  vfloat p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  vint exponent = ((vint)shifted - (vint)magic) << 23;
  return blend(x == x, (vfloat)((vint)p + exponent), x);
}

static inline vfloat logistic(vfloat x) { return 1.0f / (1.0f + exponential(-x)); }

// The first `count` < LANES floats of p, the other lanes zero.
static inline vfloat load_part(const float *p, size_t count) {
  vfloat v = {0};
  memcpy(&v, p, count * sizeof(float));
  return v;
}

static inline void store_part(float *p, vfloat v, size_t count) {
  memcpy(p, &v, count * sizeof(float));
}

// The lanes of a and b in turn: a0 b0 a1 b1 ..., from the lower or the upper halves.
#if LANES == 16
#define LOWER_PAIRS(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define UPPER_PAIRS(a, b) \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#elif LANES == 8
#define LOWER_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define UPPER_PAIRS(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define LOWER_PAIRS(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define UPPER_PAIRS(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#endif

// Transposes LANES vectors of LANES floats: every round of perfect shuffles moves one bit of the
// row number into the column number.
static inline void transpose_lanes(vfloat rows[LANES]) {
  vfloat other[LANES];
  for (int bit = 1; bit < LANES; bit *= 2) {
    for (int i = 0; i < LANES / 2; i++) {
      other[2 * i] = LOWER_PAIRS(rows[i], rows[i + LANES / 2]);
      other[2 * i + 1] = UPPER_PAIRS(rows[i], rows[i + LANES / 2]);
    }
    memcpy(rows, other, sizeof other);
  }
}
