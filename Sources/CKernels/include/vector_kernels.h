// Loops over one long vector: norms, the optimizer's step, random numbers.
#ifndef VECTOR_KERNELS_H
#define VECTOR_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Sum of squares in double, in 16 lanes like the quantizers'. Every version gives the same bits.
double squared_norm_reference(const float *x, size_t count);
double squared_norm_avx2(const float *x, size_t count);
double squared_norm_avx512(const float *x, size_t count);

// Sum of magnitudes in double, in 16 lanes. Every version gives the same bits.
double sum_of_magnitudes_reference(const float *x, size_t count);
double sum_of_magnitudes_avx2(const float *x, size_t count);
double sum_of_magnitudes_avx512(const float *x, size_t count);

// Sum of (x - scale * trit)^2 in double, in 16 lanes, where trit is x / scale rounded to -1, 0 or 1,
// ties to even. Every version gives the same bits.
double squared_rounding_error_reference(const float *x, size_t count, float scale);
double squared_rounding_error_avx2(const float *x, size_t count, float scale);
double squared_rounding_error_avx512(const float *x, size_t count, float scale);

// The constants of one AdamW step. Loshchilov and Hutter 2019, arXiv:1711.05101.
typedef struct {
    float learning_rate;
    float beta1, beta2;
    float epsilon;
    float weight_decay;             // decoupled: the weight shrinks by learning_rate * weight_decay
    float first_moment_correction;  // 1 / (1 - beta1^t)
    float second_moment_correction; // 1 / (1 - beta2^t)
    float gradient_scale;           // the clip's factor, 1 when not clipped
} adamw_step;

// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
// w = w (1 - lr decay) - lr (m c1) / (sqrt(v c2) + epsilon);  g = scaled gradient.
// Every version gives the same bits. All vectors: [count].
void adamw_reference(float *weights, const float *gradients, float *first_moments,
                     float *second_moments, size_t count, const adamw_step *step);
void adamw_avx2(float *weights, const float *gradients, float *first_moments,
                float *second_moments, size_t count, const adamw_step *step);
void adamw_avx512(float *weights, const float *gradients, float *first_moments,
                  float *second_moments, size_t count, const adamw_step *step);

// values[i] = deviation * z(seed, first + i), z normal by Box and Muller over SplitMix64. A pure
// function of seed and index: any split over threads gives the same numbers.
void fill_normal(float *values, uint64_t first, size_t count, float deviation, uint64_t seed);

#endif
