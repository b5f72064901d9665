// Embedding rows, biases, sums over rows and bf16 copies; the contract is in transformer_kernels.h.

static void add(float *y, const float *x, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES)
    store(y + i, load(y + i) + load(x + i));
  for (; i < count; i++)
    y[i] += x[i];
}

static void embedding_gather(const float *table, const int32_t *tokens, size_t rows,
                             size_t columns, float *out) {
  for (size_t row = 0; row < rows; row++)
    memcpy(out + row * columns, table + (size_t)tokens[row] * columns, columns * sizeof(float));
}

static void embedding_scatter(const float *dx, const int32_t *tokens, size_t rows, size_t columns,
                              size_t first_column, size_t last_column, float *dtable) {
  for (size_t row = 0; row < rows; row++)
    add(dtable + (size_t)tokens[row] * columns + first_column, dx + row * columns + first_column,
        last_column - first_column);
}

static void bias_add(float *x, const float *bias, size_t rows, size_t columns) {
  for (size_t row = 0; row < rows; row++)
    add(x + row * columns, bias, columns);
}

static void column_sums(const float *x, size_t rows, size_t columns, float *sums) {
  memset(sums, 0, columns * sizeof(float));
  for (size_t row = 0; row < rows; row++)
    add(sums, x + row * columns, columns);
}

// Written without vectors of 16 bits, for the compiler to vectorise: what it makes of these loops is
// as fast as memory.
static void round_to_bf16_words(const float *x, size_t count, uint16_t *rounded) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, x + i, 4);
    uint32_t up = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
    // A NaN keeps its upper half, made quiet: rounding up could make it an infinity.
    rounded[i] = (uint16_t)((bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : up);
  }
}

static void widen_bf16_words(const uint16_t *rounded, size_t count, float *x) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)rounded[i] << 16;
    memcpy(x + i, &bits, 4);
  }
}
