// RMSNorm, with the residual sum before it; the contract is in transformer_kernels.h.

static float square_sum(const float *x, size_t count) {
  vfloat sums[2] = {{0}, {0}};
  size_t i = 0;
  for (; i + 2 * LANES <= count; i += 2 * LANES) {
    vfloat a = load(x + i), b = load(x + i + LANES);
    sums[0] += a * a;
    sums[1] += b * b;
  }
  for (; i + LANES <= count; i += LANES) {
    vfloat a = load(x + i);
    sums[0] += a * a;
  }
  if (i < count) {
    vfloat a = load_part(x + i, count - i);
    sums[1] += a * a;
  }
  return lane_sum(sums[0] + sums[1]);
}

static void norm_row(const float *x, const float *gain, float inverse, size_t columns,
                     float *normed) {
  size_t i = 0;
  for (; i + LANES <= columns; i += LANES)
    store(normed + i, load(x + i) * inverse * load(gain + i));
  for (; i < columns; i++)
    normed[i] = x[i] * inverse * gain[i];
}

// Adds a row's share to dgain, and sets or adds to its dx.
static void norm_row_backward(const float *dnormed, const float *x, const float *gain,
                              float inverse, size_t columns, float *dx, int accumulate,
                              float *dgain) {
  vfloat dots = {0};
  size_t i = 0;
  for (; i + LANES <= columns; i += LANES)
    dots += load(dnormed + i) * load(gain + i) * load(x + i);
  if (i < columns) {
    size_t rest = columns - i;
    dots += load_part(dnormed + i, rest) * load_part(gain + i, rest) * load_part(x + i, rest);
  }
  float pull = lane_sum(dots) * inverse * inverse * inverse / (float)columns;
  for (i = 0; i + LANES <= columns; i += LANES) {
    vfloat d = load(dnormed + i), v = load(x + i);
    vfloat step = d * load(gain + i) * inverse - v * pull;
    store(dx + i, accumulate ? load(dx + i) + step : step);
    if (dgain)
      store(dgain + i, load(dgain + i) + d * v * inverse);
  }
  for (; i < columns; i++) {
    float step = dnormed[i] * gain[i] * inverse - x[i] * pull;
    float share = dnormed[i] * x[i] * inverse;
    dx[i] = accumulate ? dx[i] + step : step;
    if (dgain)
      dgain[i] += share;
  }
}

static void rmsnorm_forward(const float *x, const float *addend, float *out, const float *gain,
                            float epsilon, size_t rows, size_t columns, float *normed,
                            float *inverse_rms) {
  for (size_t row = 0; row < rows; row++) {
    const float *source = x + row * columns;
    if (addend) {
      float *sum = out + row * columns;
      const float *other = addend + row * columns;
      size_t i = 0;
      for (; i + LANES <= columns; i += LANES)
        store(sum + i, load(source + i) + load(other + i));
      for (; i < columns; i++)
        sum[i] = source[i] + other[i];
      source = sum;
    }
    float inverse = 1.0f / sqrtf(square_sum(source, columns) / (float)columns + epsilon);
    norm_row(source, gain, inverse, columns, normed + row * columns);
    inverse_rms[row] = inverse;
  }
}

static void rmsnorm_backward(const float *dnormed, const float *x, const float *gain,
                             const float *inverse_rms, size_t rows, size_t columns, float *dx,
                             int accumulate, float *dgain) {
  if (dgain)
    memset(dgain, 0, columns * sizeof(float));
  for (size_t row = 0; row < rows; row++)
    norm_row_backward(dnormed + row * columns, x + row * columns, gain, inverse_rms[row], columns,
                      dx + row * columns, accumulate, dgain);
}
