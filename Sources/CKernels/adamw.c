#include "instruction_sets.h"
#include "vector_kernels.h"

#pragma STDC FP_CONTRACT OFF

// Not sqrtf: that one may set errno, which keeps the loop from being vectorised.
INLINE_BODY float root(float x) { return __builtin_elementwise_sqrt(x); }

INLINE_BODY void adamw(float *restrict weights, const float *restrict gradients,
                       float *restrict first_moments, float *restrict second_moments,
                       size_t count, const adamw_step *step) {
    adamw_step s = *step;
    float keep1 = 1.0f - s.beta1, keep2 = 1.0f - s.beta2;
    float shrink = 1.0f - s.learning_rate * s.weight_decay;
    for (size_t i = 0; i < count; i++) {
        float gradient = gradients[i] * s.gradient_scale;
        float first = s.beta1 * first_moments[i] + keep1 * gradient;
        float second = s.beta2 * second_moments[i] + keep2 * (gradient * gradient);
        first_moments[i] = first;
        second_moments[i] = second;
        float denominator = root(second * s.second_moment_correction) + s.epsilon;
        float update = (first * s.first_moment_correction) / denominator;
        weights[i] = weights[i] * shrink - s.learning_rate * update;
    }
}

#define INSTANTIATE(SET, TARGET)                                                               \
    TARGET void adamw_##SET(float *weights, const float *gradients, float *first_moments,      \
                            float *second_moments, size_t count, const adamw_step *step) {     \
        adamw(weights, gradients, first_moments, second_moments, count, step);                 \
    }

INSTANTIATE(reference, )
INSTANTIATE(avx2, TARGET_AVX2)
INSTANTIATE(avx512, TARGET_AVX512)
