// The gate of the MLP, activation(gate) * up, with the SubLN norm behind it; the contract is in
// transformer_kernels.h. The product is not saved: the backward pass makes it again from gate and up.

// What the gate's output and its derivative have in common, the only costly part of both.
static inline vfloat gate_root(transformer_activation activation, vfloat gate) {
  return activation == TRANSFORMER_SILU ? logistic(gate) : positive_part(gate);
}

// The gate's output, from the gate and its root.
static inline vfloat gate_value(transformer_activation activation, vfloat gate, vfloat root) {
  return activation == TRANSFORMER_SILU ? gate * root : root * root;
}

static inline vfloat gate_slope(transformer_activation activation, vfloat value, vfloat root) {
  return activation == TRANSFORMER_SILU ? root + value * (1.0f - root) : 2.0f * root;
}

static inline vfloat activated(transformer_activation activation, vfloat gate) {
  return gate_value(activation, gate, gate_root(activation, gate));
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
                              vfloat root, vfloat w, float inverse, float pull, vfloat *dgate,
                              vfloat *dup, vfloat *share) {
  vfloat value = gate_value(activation, g, root);
  vfloat product = value * u;
  vfloat dproduct = d * w * inverse - product * pull;
  *dgate = dproduct * u * gate_slope(activation, value, root);
  *dup = dproduct * value;
  *share = d * product * inverse;
}

// The mean that the norm's gradient takes off; leaves the gates' roots in `roots`.
static inline float gated_pull(transformer_activation activation, const float *d, const float *g,
                               const float *u, const float *gain, float inverse, size_t columns,
                               float *roots) {
  vfloat dots = {0};
  size_t i = 0;
  for (; i + LANES <= columns; i += LANES) {
    vfloat gate = load(g + i), root = gate_root(activation, gate);
    store(roots + i, root);
    dots += load(d + i) * load(gain + i) * gate_value(activation, gate, root) * load(u + i);
  }
  if (i < columns) {
    size_t rest = columns - i;
    vfloat gate = load_part(g + i, rest), root = gate_root(activation, gate);
    store_part(roots + i, root, rest);
    dots += load_part(d + i, rest) * load_part(gain + i, rest) *
            gate_value(activation, gate, root) * load_part(u + i, rest);
  }
  return lane_sum(dots) * inverse * inverse * inverse / (float)columns;
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
    float inverse = gain ? inverse_rms[row] : 1;
    // With a norm there are two passes over the row; dup holds the roots in between.
    float pull = gain ? gated_pull(activation, d, g, u, gain, inverse, columns, du) : 0;
    vfloat dgate_step, dup_step, share;
    size_t i = 0;
    for (; i + LANES <= columns; i += LANES) {
      vfloat gate_here = load(g + i);
      vfloat root = gain ? load(du + i) : gate_root(activation, gate_here);
      vfloat w = gain ? load(gain + i) : splat(1);
      gated_step(activation, load(d + i), gate_here, load(u + i), root, w, inverse, pull,
                 &dgate_step, &dup_step, &share);
      store(dg + i, dgate_step);
      store(du + i, dup_step);
      if (gain)
        store(dgain + i, load(dgain + i) + share);
    }
    if (i < columns) {
      size_t rest = columns - i;
      vfloat gate_here = load_part(g + i, rest);
      vfloat root = gain ? load_part(du + i, rest) : gate_root(activation, gate_here);
      vfloat w = gain ? load_part(gain + i, rest) : splat(1);
      gated_step(activation, load_part(d + i, rest), gate_here, load_part(u + i, rest), root, w,
                 inverse, pull, &dgate_step, &dup_step, &share);
      store_part(dg + i, dgate_step, rest);
      store_part(du + i, dup_step, rest);
      if (gain)
        store_part(dgain + i, load_part(dgain + i, rest) + share, rest);
    }
  }
}
