// Rotary position embedding (Su et al. 2021, arXiv:2104.09864) in half-split order; the contract is
// in transformer_kernels.h. The tables come from Transformer/RoPE.swift.

static void rope_rotate(float *x, size_t first_row, size_t rows, size_t length, size_t heads,
                        size_t head_dimension, const float *cosines, const float *sines,
                        float direction) {
  size_t half = head_dimension / 2;
  for (size_t row = 0; row < rows; row++) {
    size_t position = (first_row + row) % length;
    const float *cosine = cosines + position * half, *sine = sines + position * half;
    for (size_t head = 0; head < heads; head++) {
      float *low = x + (row * heads + head) * head_dimension, *high = low + half;
      size_t i = 0;
      for (; i + LANES <= half; i += LANES) {
        vfloat a = load(low + i), b = load(high + i);
        vfloat c = load(cosine + i), s = load(sine + i) * direction;
        store(low + i, a * c - b * s);
        store(high + i, b * c + a * s);
      }
      for (; i < half; i++) {
        float a = low[i], b = high[i], s = sine[i] * direction;
        low[i] = a * cosine[i] - b * s;
        high[i] = b * cosine[i] + a * s;
      }
    }
  }
}
