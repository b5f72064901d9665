// Everything of inference_kernels.h for one instruction set. The including file defines LANES and
// TABLE and pushes its target attribute around this file's functions.

#include "inference_kernels.h"
#include "transformer_vector.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Registers of scores per query row: two blocks of 16 positions with the widest vectors, else one.
#if LANES == 16
#define SCORE_VECTORS 2
#else
#define SCORE_VECTORS (16 / LANES)
#endif

typedef _Float16 vhalf __attribute__((vector_size(2 * LANES)));
typedef int8_t vbyte __attribute__((vector_size(LANES)));
typedef uint16_t vshort __attribute__((vector_size(2 * LANES)));
typedef uint32_t vword __attribute__((vector_size(4 * LANES)));

ALWAYS_INLINE vfloat load_fp32(const float *p) { return load(p); }

ALWAYS_INLINE vfloat load_fp16(const _Float16 *p) {
    vhalf half;
    memcpy(&half, p, sizeof half);
    return __builtin_convertvector(half, vfloat);
}

ALWAYS_INLINE vfloat load_int8(const int8_t *p) {
    vbyte codes;
    memcpy(&codes, p, sizeof codes);
    return __builtin_convertvector(codes, vfloat);
}

ALWAYS_INLINE vfloat load_bf16(const uint16_t *p) {
    vshort bits;
    memcpy(&bits, p, sizeof bits);
    return (vfloat)(__builtin_convertvector(bits, vword) << 16);
}

static void widen_fp16(const void *cells, size_t count, float *widened) {
    const _Float16 *from = cells;
    for (size_t i = 0; i < count; i += LANES) store(widened + i, load_fp16(from + i));
}

// scores[0 ..< limit] becomes softmax(scale * score); the rest up to `count` becomes 0.
static void softmax_weights(float *scores, size_t limit, size_t count, float scale) {
    vfloat maxima = splat(scores[0]);
    size_t i = 0;
    for (; i + LANES <= limit; i += LANES) maxima = larger(maxima, load(scores + i));
    float largest = lane_max(maxima);
    for (; i < limit; i++) largest = scores[i] > largest ? scores[i] : largest;
    vfloat sums = splat(0);
    i = 0;
    for (; i + LANES <= limit; i += LANES) {
        vfloat p = exponential((load(scores + i) - largest) * scale);
        store(scores + i, p);
        sums += p;
    }
    if (i < limit) {
        vfloat p = exponential((load_part(scores + i, limit - i) - largest) * scale);
        store_part(scores + i, p, limit - i);
        sums += load_part(scores + i, limit - i);
    }
    float inverse = 1.0f / lane_sum(sums);
    for (i = 0; i < limit; i++) scores[i] *= inverse;
    for (; i < count; i++) scores[i] = 0;
}

#define CELL float
#define CELL_NAME(x) x##_fp32
#define CELL_HAS_SCALES 0
#include "inference_loops.h"
#undef CELL
#undef CELL_NAME
#define CELL _Float16
#define CELL_NAME(x) x##_fp16
#include "inference_loops.h"
#undef CELL
#undef CELL_NAME
#undef CELL_HAS_SCALES
#define CELL int8_t
#define CELL_NAME(x) x##_int8
#define CELL_HAS_SCALES 1
#include "inference_loops.h"
#undef CELL
#undef CELL_NAME
#undef CELL_HAS_SCALES

#define WEIGHT float
#define WEIGHT_NAME(x) x##_fp32
#define WIDEN(x) (x)
#include "dense_rows_loops.h"
#undef WEIGHT
#undef WEIGHT_NAME
#undef WIDEN
#define WEIGHT uint16_t
#define WEIGHT_NAME(x) x##_bf16
#define WIDEN(x) widened_bf16(x)
static inline float widened_bf16(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}
#include "dense_rows_loops.h"
#undef WEIGHT
#undef WEIGHT_NAME
#undef WIDEN

#include "sampling_loops.h"
