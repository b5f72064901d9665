// The loops of inference_kernels.h, for the LANES and the target of the including file, once for
// each kind of cell: CELL, CELL_NAME(x) and load_cells are defined by the includer.

static void CELL_NAME(append)(const float *key, const float *value, size_t position,
                              size_t head_dimension, void *keys, void *values) {
    CELL *k = (CELL *)keys + position / 16 * head_dimension * 16 + position % 16;
    CELL *v = (CELL *)values + position * ((head_dimension + 15) / 16 * 16);
    for (size_t d = 0; d < head_dimension; d++) {
        k[d * 16] = (CELL)key[d];
        v[d] = (CELL)value[d];
    }
}

// scores[row][position] for 16 * BLOCKS positions.
ALWAYS_INLINE void CELL_NAME(scores)(const int rows, const cache_attention_rows *r,
                                     const CELL *keys, float *scores, size_t stride) {
    size_t D = r->head_dimension;
    vfloat sums[CACHE_QUERY_ROWS][SCORE_VECTORS];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < SCORE_VECTORS; v++) sums[i][v] = splat(0);
    for (size_t d = 0; d < D; d++) {
        vfloat k[SCORE_VECTORS];
        for (int v = 0; v < SCORE_VECTORS; v++)
            k[v] = CELL_NAME(load)(keys + (size_t)(v * LANES / 16) * D * 16 + d * 16 +
                                   (size_t)(v * LANES % 16));
        for (int i = 0; i < rows; i++) {
            vfloat q = splat(r->queries[i][d]);
            for (int v = 0; v < SCORE_VECTORS; v++) sums[i][v] += q * k[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < SCORE_VECTORS; v++)
            store(scores + (size_t)i * stride + v * LANES, sums[i][v]);
}

// output[row][d ..< d + LANES * vectors] = sum over positions of weight * value.
ALWAYS_INLINE void CELL_NAME(weighted)(const int rows, const int vectors,
                                       const cache_attention_rows *r, const CELL *values,
                                       size_t d, const float *weights, size_t stride,
                                       size_t positions) {
    size_t D = r->head_dimension, padded = (D + 15) / 16 * 16;
    vfloat sums[CACHE_QUERY_ROWS][4];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sums[i][v] = splat(0);
    for (size_t p = 0; p < positions; p++) {
        vfloat value[4];
        for (int v = 0; v < vectors; v++)
            value[v] = CELL_NAME(load)(values + p * padded + d + (size_t)(v * LANES));
        for (int i = 0; i < rows; i++) {
            vfloat w = splat(weights[(size_t)i * stride + p]);
            for (int v = 0; v < vectors; v++) sums[i][v] += w * value[v];
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) {
            size_t at = d + (size_t)(v * LANES);
            if (at + LANES <= D) store(r->outputs[i] + at, sums[i][v]);
            else if (at < D) store_part(r->outputs[i] + at, sums[i][v], D - at);
        }
}

ALWAYS_INLINE void CELL_NAME(attend_rows)(const int rows, const cache_attention_rows *r,
                                          const CELL *keys, const CELL *values, float *scratch,
                                          size_t stride) {
    size_t D = r->head_dimension, longest = 0;
    for (int i = 0; i < rows; i++) longest = r->limits[i] > longest ? r->limits[i] : longest;
    size_t step = 16 * SCORE_VECTORS * LANES / 16;
    for (size_t p = 0; p < longest; p += step)
        CELL_NAME(scores)(rows, r, keys + p * D, scratch + p, stride);
    for (int i = 0; i < rows; i++)
        softmax_weights(scratch + (size_t)i * stride, r->limits[i], longest, r->scale);
    size_t d = 0;
    for (; d + 4 * LANES <= D; d += 4 * LANES)
        CELL_NAME(weighted)(rows, 4, r, values, d, scratch, stride, longest);
    for (; d < D; d += LANES)
        CELL_NAME(weighted)(rows, 1, r, values, d, scratch, stride, longest);
}

static void CELL_NAME(attend)(const cache_attention_rows *r, const void *keys, const void *values,
                              float *scratch, size_t capacity) {
    const CELL *k = keys, *v = values;
    switch (r->count) {
    case 1: CELL_NAME(attend_rows)(1, r, k, v, scratch, capacity); break;
    case 2: CELL_NAME(attend_rows)(2, r, k, v, scratch, capacity); break;
    case 3: CELL_NAME(attend_rows)(3, r, k, v, scratch, capacity); break;
    case 4: CELL_NAME(attend_rows)(4, r, k, v, scratch, capacity); break;
    case 5: CELL_NAME(attend_rows)(5, r, k, v, scratch, capacity); break;
    default: CELL_NAME(attend_rows)(6, r, k, v, scratch, capacity); break;
    }
}
