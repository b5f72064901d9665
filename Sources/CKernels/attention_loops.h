// Causal attention of one (sequence, key-value head); the contract is in transformer_kernels.h.
//
// Queries go in blocks of BLOCK rows. A block meets the keys 0 ..< its last position, so that the
// causal upper part is never computed, and its scores [BLOCK, keys] live in scratch only. The softmax
// is the exact one over the whole row. The backward pass computes scores and probabilities of a
// block again from the saved log-sum-exp (Dao et al. 2022, arXiv:2205.14135), so nothing of size
// T x T is ever stored.
//
// In scratch every row of D floats is padded to `wide`, every row of T floats to `long`, multiples
// of LANES, with zeros; the products below then know whole vectors only.

enum { BLOCK = 48 };

static inline size_t whole_vectors(size_t count) { return (count + LANES - 1) / LANES * LANES; }

// A tile of c = a b (+ c): `tile_rows` rows by `vectors` vectors, all in registers.
// a(i, l) = a[i * row_step + l * depth_step]; b: rows of b_stride floats.
static inline __attribute__((always_inline)) void
product_tile(const int tile_rows, const int vectors, const float *a, size_t row_step,
             size_t depth_step, const float *b, size_t b_stride, float *c, size_t c_stride,
             size_t depth, int accumulate) {
  vfloat sums[6][4];
  for (int i = 0; i < tile_rows; i++)
    for (int v = 0; v < vectors; v++)
      sums[i][v] = accumulate ? load(c + i * c_stride + v * LANES) : (vfloat){0};
  for (size_t l = 0; l < depth; l++) {
    vfloat columns[4];
    for (int v = 0; v < vectors; v++)
      columns[v] = load(b + l * b_stride + v * LANES);
    for (int i = 0; i < tile_rows; i++) {
      vfloat left = splat(a[i * row_step + l * depth_step]);
      for (int v = 0; v < vectors; v++)
        sums[i][v] += left * columns[v];
    }
  }
  for (int i = 0; i < tile_rows; i++)
    for (int v = 0; v < vectors; v++)
      store(c + i * c_stride + v * LANES, sums[i][v]);
}

// One row tile of c = a b (+ c), without the depth that the mask leaves out.
static inline __attribute__((always_inline)) void
causal_tile(causal_part part, const int tile_rows, const int vectors, size_t row, size_t first,
            const float *a, size_t row_step, size_t depth_step, const float *b, size_t b_stride,
            float *c, size_t c_stride, size_t depth, int accumulate) {
  size_t begin = part == BY_KEY && row > first ? row - first : 0;
  size_t end = part == BY_QUERY && first + row + tile_rows < depth ? first + row + tile_rows : depth;
  product_tile(tile_rows, vectors, a + row * row_step + begin * depth_step, row_step, depth_step,
               b + begin * b_stride, b_stride, c + row * c_stride, c_stride, end - begin,
               accumulate);
}

static inline __attribute__((always_inline)) void
causal_columns(causal_part part, const int vectors, size_t column, size_t first, const float *a,
               size_t row_step, size_t depth_step, const float *b, size_t b_stride, float *c,
               size_t c_stride, size_t rows, size_t depth, int accumulate) {
  // Row tiles whose last query lies before the first of these keys see none of them.
  size_t row = part == SCORES && column > first ? (column - first) / 6 * 6 : 0;
  for (; row + 6 <= rows; row += 6)
    causal_tile(part, 6, vectors, row, first, a, row_step, depth_step, b + column, b_stride,
                c + column, c_stride, depth, accumulate);
  for (; row + 2 <= rows; row += 2)
    causal_tile(part, 2, vectors, row, first, a, row_step, depth_step, b + column, b_stride,
                c + column, c_stride, depth, accumulate);
  if (row < rows)
    causal_tile(part, 1, vectors, row, first, a, row_step, depth_step, b + column, b_stride,
                c + column, c_stride, depth, accumulate);
}

// c[rows, columns] = a b (+ c), as far as the mask asks for it. columns: a multiple of LANES.
static inline void causal_product(causal_part part, size_t first, const float *a, size_t row_step,
                                  size_t depth_step, const float *b, size_t b_stride, float *c,
                                  size_t c_stride, size_t rows, size_t columns, size_t depth,
                                  int accumulate) {
  size_t j = 0;
  for (; j + TILE_VECTORS * LANES <= columns; j += TILE_VECTORS * LANES)
    causal_columns(part, TILE_VECTORS, j, first, a, row_step, depth_step, b, b_stride, c, c_stride,
                   rows, depth, accumulate);
  for (; j < columns; j += LANES)
    causal_columns(part, 1, j, first, a, row_step, depth_step, b, b_stride, c, c_stride, rows,
                   depth, accumulate);
}

// packed[rows, wide] = x[rows, columns] (row stride `stride`), zeros behind the columns.
static void pack_rows(const float *x, size_t stride, size_t rows, size_t columns, float *packed) {
  size_t wide = whole_vectors(columns);
  for (size_t row = 0; row < rows; row++) {
    memcpy(packed + row * wide, x + row * stride, columns * sizeof(float));
    memset(packed + row * wide + columns, 0, (wide - columns) * sizeof(float));
  }
}

static void unpack_rows(const float *packed, size_t rows, size_t columns, float *x,
                        size_t stride) {
  size_t wide = whole_vectors(columns);
  for (size_t row = 0; row < rows; row++)
    memcpy(x + row * stride, packed + row * wide, columns * sizeof(float));
}

// packed[columns, long] = the transpose of x[rows, columns], zeros behind the rows.
static void pack_transposed(const float *x, size_t stride, size_t rows, size_t columns,
                            float *packed) {
  size_t packed_stride = whole_vectors(rows);
  for (size_t row = 0; row < rows; row += LANES)
    for (size_t column = 0; column < columns; column += LANES) {
      size_t rows_here = rows - row < LANES ? rows - row : LANES;
      size_t columns_here = columns - column < LANES ? columns - column : LANES;
      vfloat tile[LANES];
      for (size_t i = 0; i < LANES; i++) {
        const float *source = x + (row + i) * stride + column;
        if (i >= rows_here)
          tile[i] = (vfloat){0};
        else if (columns_here == LANES)
          tile[i] = load(source);
        else
          tile[i] = load_part(source, columns_here);
      }
      transpose_lanes(tile);
      for (size_t i = 0; i < columns_here; i++)
        store(packed + (column + i) * packed_stride + row, tile[i]);
    }
}

static size_t attention_scratch(const transformer_attention_shape *shape) {
  size_t wide = whole_vectors(shape->head_dimension), longer = whole_vectors(shape->length);
  size_t transposed = 2 * shape->head_dimension * longer;
  return transposed + 5 * shape->length * wide + 2 * BLOCK * longer + BLOCK * wide;
}

static void attention_forward(const transformer_attention_shape *shape, const float *queries,
                              const float *keys, const float *values, float *output,
                              float *log_sum_exp, size_t log_stride, float *scratch) {
  size_t T = shape->length, D = shape->head_dimension, stride = shape->query_stride;
  size_t wide = whole_vectors(D), longer = whole_vectors(T);
  float *keys_transposed = scratch;                       // [D, long]
  float *packed_values = keys_transposed + D * longer;    // [T, wide]
  float *scores = packed_values + T * wide;               // [BLOCK, long]
  float *sums = scores + BLOCK * longer;                  // [BLOCK, wide]
  pack_transposed(keys, shape->key_value_stride, T, D, keys_transposed);
  pack_rows(values, shape->key_value_stride, T, D, packed_values);
  for (size_t head = 0; head < shape->query_heads; head++) {
    const float *q = queries + head * D;
    float *out = output + head * D;
    for (size_t first = 0; first < T; first += BLOCK) {
      size_t rows = T - first < BLOCK ? T - first : BLOCK;
      size_t seen = first + rows, width = whole_vectors(seen);
      causal_product(SCORES, first, q + first * stride, stride, 1, keys_transposed, longer, scores,
                     longer, rows, width, D, 0);
      float inverse[BLOCK];
      for (size_t i = 0; i < rows; i++) {
        float maximum;
        float sum = softmax_row(scores + i * longer, first + i, width, shape->scale, &maximum);
        inverse[i] = 1.0f / sum;
        log_sum_exp[head * log_stride + first + i] = maximum + logf(sum);
      }
      causal_product(BY_QUERY, first, scores, longer, 1, packed_values, wide, sums, wide, rows,
                     wide, seen, 0);
      for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < D; c++)
          out[(first + i) * stride + c] = sums[i * wide + c] * inverse[i];
    }
  }
}

// scores become probabilities (in place), and dprobabilities become the gradient of the unscaled
// scores (in place): p * (dp - dot) * scale, with dot = sum over c of doutput * output of the row.
static void softmax_row_backward(float *scores, float *dprobabilities, size_t position,
                                 size_t keys, float scale, float log_sum_exp, float dot) {
  size_t j = 0;
  for (; j <= position; j += LANES) {
    vfloat p = exponential(load(scores + j) * scale - log_sum_exp);
    p = blend(visible(j, position), p, (vfloat){0});
    store(scores + j, p);
    vfloat dscore = p * (load(dprobabilities + j) - dot) * scale;
    store(dprobabilities + j, blend(visible(j, position), dscore, (vfloat){0}));
  }
  for (; j < keys; j += LANES) {
    store(scores + j, (vfloat){0});
    store(dprobabilities + j, (vfloat){0});
  }
}

static float row_dot(const float *a, const float *b, size_t count) {
  vfloat sums = {0};
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    sums += load(a + i) * load(b + i);
  if (i < count)
    sums += load_part(a + i, count - i) * load_part(b + i, count - i);
  return lane_sum(sums);
}

static void attention_backward(const transformer_attention_shape *shape, const float *queries,
                               const float *keys, const float *values, const float *output,
                               const float *log_sum_exp, size_t log_stride, const float *doutput,
                               float *dqueries, float *dkeys, float *dvalues, float *scratch) {
  size_t T = shape->length, D = shape->head_dimension, stride = shape->query_stride;
  size_t wide = whole_vectors(D), longer = whole_vectors(T);
  float *keys_transposed = scratch;                         // [D, long]
  float *values_transposed = keys_transposed + D * longer;  // [D, long]
  float *packed_keys = values_transposed + D * longer;      // [T, wide]
  float *packed_queries = packed_keys + T * wide;           // [T, wide]
  float *packed_doutput = packed_queries + T * wide;        // [T, wide]
  float *dkeys_sum = packed_doutput + T * wide;             // [T, wide]
  float *dvalues_sum = dkeys_sum + T * wide;                // [T, wide]
  float *scores = dvalues_sum + T * wide;                   // [BLOCK, long]
  float *dscores = scores + BLOCK * longer;                 // [BLOCK, long]
  float *dqueries_block = dscores + BLOCK * longer;         // [BLOCK, wide]
  pack_transposed(keys, shape->key_value_stride, T, D, keys_transposed);
  pack_transposed(values, shape->key_value_stride, T, D, values_transposed);
  pack_rows(keys, shape->key_value_stride, T, D, packed_keys);
  memset(dkeys_sum, 0, 2 * T * wide * sizeof(float));
  for (size_t head = 0; head < shape->query_heads; head++) {
    pack_rows(queries + head * D, stride, T, D, packed_queries);
    pack_rows(doutput + head * D, stride, T, D, packed_doutput);
    for (size_t first = 0; first < T; first += BLOCK) {
      size_t rows = T - first < BLOCK ? T - first : BLOCK;
      size_t seen = first + rows, width = whole_vectors(seen);
      const float *q = packed_queries + first * wide, *dout = packed_doutput + first * wide;
      causal_product(SCORES, first, q, wide, 1, keys_transposed, longer, scores, longer, rows,
                     width, D, 0);
      causal_product(SCORES, first, dout, wide, 1, values_transposed, longer, dscores, longer,
                     rows, width, D, 0);
      for (size_t i = 0; i < rows; i++) {
        size_t position = first + i, offset = position * stride + head * D;
        float dot = row_dot(doutput + offset, output + offset, D);
        softmax_row_backward(scores + i * longer, dscores + i * longer, position, width,
                             shape->scale, log_sum_exp[head * log_stride + position], dot);
      }
      causal_product(BY_KEY, first, scores, 1, longer, dout, wide, dvalues_sum, wide, seen, wide,
                     rows, 1);
      causal_product(BY_KEY, first, dscores, 1, longer, q, wide, dkeys_sum, wide, seen, wide,
                     rows, 1);
      causal_product(BY_QUERY, first, dscores, longer, 1, packed_keys, wide, dqueries_block, wide,
                     rows, wide, seen, 0);
      unpack_rows(dqueries_block, rows, D, dqueries + first * stride + head * D, stride);
    }
  }
  unpack_rows(dkeys_sum, T, D, dkeys, shape->key_value_stride);
  unpack_rows(dvalues_sum, T, D, dvalues, shape->key_value_stride);
}
