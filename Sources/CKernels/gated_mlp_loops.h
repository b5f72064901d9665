// The gate of the MLP, activation(gate) * up, with the SubLN norm behind it; the contract is in
// transformer_kernels.h. The product is not saved: the backward pass makes it again from gate and up.

static inline vfloat activated(transformer_activation activation, vfloat gate) {
  if (activation == TRANSFORMER_SILU)
    return gate * logistic(gate);
  vfloat positive = positive_part(gate);
  return positive * positive;
}

// The gate's output and its derivative at once: they share the logistic.
static inline void activated_both(transformer_activation activation, vfloat gate, vfloat *value,
                                  vfloat *slope) {
  if (activation == TRANSFORMER_SILU) {
    vfloat s = logistic(gate);
    *value = gate * s;
    *slope = s + *value * (1.0f - s);
  } else {
    vfloat positive = positive_part(gate);
    *value = positive * positive;
    *slope = 2.0f * positive;
  }
}

static void gated_forward(transformer_activation activation, const float *gate, const float *up,
                          const float *gain, float epsilon, size_t rows, size_t columns,
                          float *normed, float *inverse_rms) {
  for (size_t row = 0; row < rows; row++) {
    const float *g = gate + row * columns, *u = up + row * columns;
    float *out = normed + row * columns;
    vfloat squares = {0};
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
      vfloat product = activated(activation, load(g + i)) * load(u + i);
      store(out + i, product);
      squares += product * product;
    }
    if (i < columns) {
      size_t rest = columns - i;
      vfloat product = activated(activation, load_part(g + i, rest)) * load_part(u + i, rest);
      store_part(out + i, product, rest);
      squares += product * product;
    }
    if (gain) {
      float inverse = 1.0f / sqrtf(lane_sum(squares) / (float)columns + epsilon);
      norm_row(out, gain, inverse, columns, out);
      inverse_rms[row] = inverse;
    }
  }
}

// One vector of columns of gated_backward. d, g, u: dnormed, gate and up; w: gain (1 without norm).
static inline void gated_step(transformer_activation activation, vfloat d, vfloat g, vfloat u,
                              vfloat w, float inverse, float pull, vfloat *dgate, vfloat *dup,
                              vfloat *share) {
  vfloat value, slope;
  activated_both(activation, g, &value, &slope);
  vfloat product = value * u;
  vfloat dproduct = d * w * inverse - product * pull;
  *dgate = dproduct * u * slope;
  *dup = dproduct * value;
  *share = d * product * inverse;
}

static void gated_backward(transformer_activation activation, const float *dnormed,
                           const float *gate, const float *up, const float *gain,
                           const float *inverse_rms, size_t rows, size_t columns, float *dgate,
                           float *dup, float *dgain) {
  if (gain)
    memset(dgain, 0, columns * sizeof(float));
  for (size_t row = 0; row < rows; row++) {
    const float *g = gate + row * columns, *u = up + row * columns, *d = dnormed + row * columns;
    float *dg = dgate + row * columns, *du = dup + row * columns;
    float inverse = gain ? inverse_rms[row] : 1, pull = 0;
    if (gain) {
      vfloat dots = {0};
      size_t i = 0;
      for (; i + LANES <= columns; i += LANES)
        dots += load(d + i) * load(gain + i) * activated(activation, load(g + i)) * load(u + i);
      if (i < columns) {
        size_t rest = columns - i;
        dots += load_part(d + i, rest) * load_part(gain + i, rest) *
                activated(activation, load_part(g + i, rest)) * load_part(u + i, rest);
      }
      pull = lane_sum(dots) * inverse * inverse * inverse / (float)columns;
    }
    vfloat dgate_step, dup_step, share;
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
      vfloat w = gain ? load(gain + i) : splat(1);
      gated_step(activation, load(d + i), load(g + i), load(u + i), w, inverse, pull, &dgate_step,
                 &dup_step, &share);
      store(dg + i, dgate_step);
      store(du + i, dup_step);
      if (gain)
        store(dgain + i, load(dgain + i) + share);
    }
    if (i < columns) {
      size_t rest = columns - i;
      vfloat w = gain ? load_part(gain + i, rest) : splat(1);
      gated_step(activation, load_part(d + i, rest), load_part(g + i, rest),
                 load_part(u + i, rest), w, inverse, pull, &dgate_step, &dup_step, &share);
      store_part(dg + i, dgate_step, rest);
      store_part(du + i, dup_step, rest);
      if (gain)
        store_part(dgain + i, load_part(dgain + i, rest) + share, rest);
    }
  }
}
