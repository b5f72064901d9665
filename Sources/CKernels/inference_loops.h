// The loops of inference_kernels.h, for the LANES and the target of the including file, once for
// each kind of cell: CELL, CELL_NAME(x), CELL_HAS_SCALES and the loads are defined by the includer.

#define CELL_PADDED(D) (((D) + 15) / 16 * 16)
#define CELL_VALUES(cells, D) ((CELL *)(cells) + CACHE_PAGE * (D))
#define CELL_SCALES(cells, D)                                                                  \
    ((float *)(void *)(CELL_VALUES(cells, D) + CACHE_PAGE * CELL_PADDED(D)))

static void CELL_NAME(append)(const float *key, const float *value, size_t slot,
                              size_t head_dimension, void *cells) {
    CELL *k = (CELL *)cells + slot / 16 * head_dimension * 16 + slot % 16;
    CELL *v = CELL_VALUES(cells, head_dimension) + slot * CELL_PADDED(head_dimension);
#if CELL_HAS_SCALES
    float largest_key = 1e-30f, largest_value = 1e-30f;
    for (size_t d = 0; d < head_dimension; d++) {
        largest_key = fabsf(key[d]) > largest_key ? fabsf(key[d]) : largest_key;
        largest_value = fabsf(value[d]) > largest_value ? fabsf(value[d]) : largest_value;
    }
    float *scales = CELL_SCALES(cells, head_dimension);
    scales[slot] = largest_key / 127;
    scales[CACHE_PAGE + slot] = largest_value / 127;
    const float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
    for (size_t d = 0; d < head_dimension; d++) {
        k[d * 16] = (CELL)((key[d] * (127 / largest_key) + magic) - magic);
        v[d] = (CELL)((value[d] * (127 / largest_value) + magic) - magic);
    }
#else
    for (size_t d = 0; d < head_dimension; d++) {
        k[d * 16] = (CELL)key[d];
        v[d] = (CELL)value[d];
    }
#endif
}

// scores[row][position] for 16 * BLOCKS positions from `slot` of a page on.
ALWAYS_INLINE void CELL_NAME(scores)(const int rows, const cache_attention_rows *r,
                                     const uint8_t *cells, size_t slot, float *scores,
                                     size_t stride) {
    size_t D = r->head_dimension;
    const CELL *keys = (const CELL *)(const void *)cells + slot / 16 * D * 16;
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
    for (int v = 0; v < SCORE_VECTORS; v++) {
#if CELL_HAS_SCALES
        vfloat scale = load(CELL_SCALES(cells, D) + slot + (size_t)(v * LANES));
        for (int i = 0; i < rows; i++) sums[i][v] *= scale;
#endif
        for (int i = 0; i < rows; i++)
            store(scores + (size_t)i * stride + v * LANES, sums[i][v]);
    }
}

// output[row][d ..< d + LANES * vectors] = sum over positions of weight * value.
ALWAYS_INLINE void CELL_NAME(weighted)(const int rows, const int vectors,
                                       const cache_attention_rows *r, size_t d,
                                       const float *weights, size_t stride, size_t positions) {
    size_t D = r->head_dimension;
    vfloat sums[CACHE_QUERY_ROWS][4];
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++) sums[i][v] = splat(0);
    for (size_t first = 0; first < positions; first += CACHE_PAGE) {
        const uint8_t *cells = r->pages[first / CACHE_PAGE] + r->page_offset;
        const CELL *values = CELL_VALUES(cells, D) + d;
        size_t count = positions - first < CACHE_PAGE ? positions - first : CACHE_PAGE;
        for (size_t p = 0; p < count; p++) {
            vfloat value[4];
            for (int v = 0; v < vectors; v++)
                value[v] = CELL_NAME(load)(values + p * CELL_PADDED(D) + (size_t)(v * LANES));
            for (int i = 0; i < rows; i++) {
                vfloat w = splat(weights[(size_t)i * stride + first + p]);
                for (int v = 0; v < vectors; v++) sums[i][v] += w * value[v];
            }
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
                                          float *scratch, size_t stride) {
    size_t D = r->head_dimension, longest = 0;
    for (int i = 0; i < rows; i++) longest = r->limits[i] > longest ? r->limits[i] : longest;
    size_t step = 16 * SCORE_VECTORS * LANES / 16;
    for (size_t p = 0; p < longest; p += step)
        CELL_NAME(scores)(rows, r, r->pages[p / CACHE_PAGE] + r->page_offset, p % CACHE_PAGE,
                          scratch + p, stride);
    for (int i = 0; i < rows; i++)
        softmax_weights(scratch + (size_t)i * stride, r->limits[i], longest, r->scale);
#if CELL_HAS_SCALES
    for (size_t p = 0; p < longest; p++) {
        const uint8_t *cells = r->pages[p / CACHE_PAGE] + r->page_offset;
        float scale = CELL_SCALES(cells, D)[CACHE_PAGE + p % CACHE_PAGE];
        for (int i = 0; i < rows; i++) scratch[(size_t)i * stride + p] *= scale;
    }
#endif
    size_t d = 0;
    for (; d + 4 * LANES <= D; d += 4 * LANES)
        CELL_NAME(weighted)(rows, 4, r, d, scratch, stride, longest);
    for (; d < D; d += LANES) CELL_NAME(weighted)(rows, 1, r, d, scratch, stride, longest);
}

static void CELL_NAME(attend)(const cache_attention_rows *r, float *scratch, size_t capacity) {
    switch (r->count) {
    case 1: CELL_NAME(attend_rows)(1, r, scratch, capacity); break;
    case 2: CELL_NAME(attend_rows)(2, r, scratch, capacity); break;
    case 3: CELL_NAME(attend_rows)(3, r, scratch, capacity); break;
    case 4: CELL_NAME(attend_rows)(4, r, scratch, capacity); break;
    case 5: CELL_NAME(attend_rows)(5, r, scratch, capacity); break;
    default: CELL_NAME(attend_rows)(6, r, scratch, capacity); break;
    }
}

#undef CELL_PADDED
#undef CELL_VALUES
#undef CELL_SCALES
