// Dense weights for few tokens: four rows of weights are read once for up to four tokens. WEIGHT,
// WEIGHT_NAME(x), WIDEN(x) and load are defined by the includer.

ALWAYS_INLINE void WEIGHT_NAME(dense_tile)(const int tokens, const int rows, const float *x,
                                           size_t columns, const WEIGHT *w, float *y,
                                           size_t y_stride) {
    vfloat sums[4][4];
    for (int t = 0; t < tokens; t++)
        for (int r = 0; r < rows; r++) sums[t][r] = splat(0);
    size_t k = 0;
    for (; k + LANES <= columns; k += LANES) {
        vfloat weights[4];
        for (int r = 0; r < rows; r++) weights[r] = WEIGHT_NAME(load)(w + (size_t)r * columns + k);
        for (int t = 0; t < tokens; t++) {
            vfloat value = load(x + (size_t)t * columns + k);
            for (int r = 0; r < rows; r++) sums[t][r] += value * weights[r];
        }
    }
    for (int t = 0; t < tokens; t++)
        for (int r = 0; r < rows; r++) {
            float sum = lane_sum(sums[t][r]);
            for (size_t i = k; i < columns; i++)
                sum += x[(size_t)t * columns + i] * WIDEN(w[(size_t)r * columns + i]);
            y[(size_t)t * y_stride + (size_t)r] = sum;
        }
}

static void WEIGHT_NAME(dense_rows)(const float *x, size_t tokens, size_t columns, const void *w,
                                    size_t first, size_t last, float *y, size_t y_stride) {
    for (size_t row = first; row < last; row += 4) {
        const WEIGHT *weights = (const WEIGHT *)w + row * columns;
        for (size_t t = 0; t < tokens; t += 4) {
            const float *at = x + t * columns;
            float *to = y + t * y_stride + row;
            size_t count = tokens - t;
            if (last - row < 4) {
                for (size_t i = 0; i < 4 && i < count; i++)
                    for (size_t r = 0; r < last - row; r++)
                        WEIGHT_NAME(dense_tile)(1, 1, at + i * columns, columns,
                                                weights + r * columns, to + i * y_stride + r,
                                                y_stride);
            } else if (count == 1) {
                WEIGHT_NAME(dense_tile)(1, 4, at, columns, weights, to, y_stride);
            } else if (count == 2) {
                WEIGHT_NAME(dense_tile)(2, 4, at, columns, weights, to, y_stride);
            } else if (count == 3) {
                WEIGHT_NAME(dense_tile)(3, 4, at, columns, weights, to, y_stride);
            } else {
                WEIGHT_NAME(dense_tile)(4, 4, at, columns, weights, to, y_stride);
            }
        }
    }
}
