#include "product_kernels.h"

#include <math.h>

enum { COLUMNS = 256 };

// What 1 is worth among the integers that these floats become, and the factor to them.
static float step_of(const float *x, size_t stride, size_t count, float limit, float *inverse) {
    float largest = 0;
    *inverse = 0;
    for (size_t i = 0; i < count; i++) {
        float magnitude = fabsf(x[i * stride]);
        if (!isfinite(magnitude)) return NAN;
        if (magnitude > largest) largest = magnitude;
    }
    if (largest < PRODUCT_INT16_SMALLEST) return 0;
    *inverse = limit / largest;
    return largest * (1.0f / limit);
}

static int32_t integer_of(float x, float inverse, float dither) {
    return inverse > 0 ? (int32_t)lrintf(x * inverse + dither) : 0;
}

static float dither_of(product_int16_row row, size_t k) {
    if (!row.left_is_dithered) return 0;
    uint32_t place = row.place * PRODUCT_DITHER_ROW + (uint32_t)k * PRODUCT_DITHER_K;
    return (float)(int32_t)place * 0x1p-32f;
}

void product_int16_row_reference(product_int16_row row, size_t n, size_t k, float scale,
                                 int accumulate, float *y) {
    size_t most = row.right_is_integers ? PRODUCT_INT16_DEPTH : PRODUCT_INT16_FLOATS_DEPTH;
    float limit = row.right_is_integers ? PRODUCT_INT16_LIMIT : PRODUCT_INT16_FLOATS_LIMIT;
    for (size_t first = 0; first < k || first == 0; first += most) {
        size_t depth = k - first < most ? k - first : most;
        const float *left = row.left + first * row.left_to_k;
        float inverse, step = step_of(left, row.left_to_k, depth, limit, &inverse);
        for (size_t column = 0; column < n; column += COLUMNS) {
            size_t count = n - column < COLUMNS ? n - column : COLUMNS;
            const float *right = row.right + first * row.right_to_k + column * row.right_to_n;
            int32_t sums[COLUMNS] = {0};
            float inverses[COLUMNS], steps[COLUMNS];
            for (size_t j = 0; j < count; j++) {
                inverses[j] = steps[j] = 1;
                if (!row.right_is_integers)
                    steps[j] = step_of(right + j * row.right_to_n, row.right_to_k, depth, limit,
                                       &inverses[j]);
            }
            for (size_t i = 0; i < depth; i++) {
                int32_t one =
                    integer_of(left[i * row.left_to_k], inverse, dither_of(row, first + i));
                const float *of_k = right + i * row.right_to_k;
                for (size_t j = 0; j < count; j++)
                    sums[j] += one * integer_of(of_k[j * row.right_to_n], inverses[j], 0);
            }
            float factor = step * scale;
            for (size_t j = 0; j < count; j++) {
                float each = factor * steps[j];
                float value = (float)sums[j] * each;
                y[column + j] = accumulate || first > 0 ? y[column + j] + value : value;
            }
        }
    }
}
