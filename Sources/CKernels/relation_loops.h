// The attention relations of one (sequence, relation head); the contract is in
// transformer_kernels.h. Products, packing and BLOCK are those of attention_loops.h.
//
// Rows go in blocks of BLOCK. A block's scores of both models, [BLOCK, keys], live in scratch only;
// the student's become the gradient of its scores in place. Each score is a product of two vectors of
// the same side, so that the gradient reaches a vector twice: as the row's, and as the key's.

static size_t relation_scratch(const transformer_relation_shape *shape) {
  size_t longer = whole_vectors(shape->keys);
  size_t student = whole_vectors(shape->student_width);
  size_t teacher = whole_vectors(shape->teacher_width);
  return shape->keys * (2 * student + teacher + 1) + 2 * BLOCK * longer
         + (shape->student_width + shape->teacher_width) * longer;
}

// packed[rows, wide]: the vectors, each divided by its length when `is_cosine`, zeros behind them.
// inverse_lengths may be null. A vector of zeros stays one, and gets no gradient.
static void pack_directions(const float *x, size_t stride, size_t rows, size_t columns,
                            int is_cosine, float *packed, float *inverse_lengths) {
  size_t wide = whole_vectors(columns);
  pack_rows(x, stride, rows, columns, packed);
  for (size_t row = 0; is_cosine && row < rows; row++) {
    float square = row_dot(packed + row * wide, packed + row * wide, wide);
    float inverse = square == 0 ? 0 : 1 / sqrtf(square);
    for (size_t c = 0; c < wide; c += LANES)
      store(packed + row * wide + c, load(packed + row * wide + c) * inverse);
    if (inverse_lengths) inverse_lengths[row] = inverse;
  }
}

// One side's share of a row in its softmax is e / sum with e = exp(scale * score - largest).
static float largest_score(const float *scores, size_t last, float scale) {
  vfloat largest = splat(-INFINITY);
  for (size_t j = 0; j <= last; j += LANES)
    largest = larger(largest, blend(visible(j, last), load(scores + j), splat(-INFINITY)));
  return lane_max(largest) * scale;
}

// The divergence of a row's shares. `scores`, the student's, become the gradient by them, 0 in the
// keys behind `last`; the teacher's scores are overwritten.
static double relation_row(float *scores, float *teacher_scores, size_t last, size_t keys,
                           float scale, float teacher_scale) {
  const float largest = largest_score(scores, last, scale);
  const float teacher_largest = largest_score(teacher_scores, last, teacher_scale);
  vfloat sums = {0}, teacher_sums = {0}, crossed = {0};
  size_t j = 0;
  for (; j <= last; j += LANES) {
    const vint seen = visible(j, last);
    const vfloat s = load(scores + j) * scale - largest;
    const vfloat t = load(teacher_scores + j) * teacher_scale - teacher_largest;
    const vfloat p = blend(seen, exponential(s), (vfloat){0});
    const vfloat q = blend(seen, exponential(t), (vfloat){0});
    sums += p;
    teacher_sums += q;
    crossed += blend(seen, q * (t - s), (vfloat){0});
    store(scores + j, p);
    store(teacher_scores + j, q);
  }
  const double sum = lane_sum(sums), teacher_sum = lane_sum(teacher_sums);
  // Equal rows have a ratio of 1, and a gradient of exactly 0.
  const float share = (float)(scale / sum), ratio = (float)(sum / teacher_sum);
  for (j = 0; j <= last; j += LANES)
    store(scores + j, share * (load(scores + j) - ratio * load(teacher_scores + j)));
  for (; j < keys; j += LANES)
    store(scores + j, (vfloat){0});
  return lane_sum(crossed) / teacher_sum + log(sum) - log(teacher_sum);
}

// Turns the gradients of the packed vectors into those of the vectors themselves, and adds them.
// Returns the sum of their squares.
static double add_direction_gradients(const transformer_relation_shape *shape, const float *packed,
                                      const float *inverse_lengths, float *dpacked,
                                      float *dstudent) {
  size_t columns = shape->student_width, wide = whole_vectors(columns);
  double square = 0;
  for (size_t row = 0; row < shape->keys; row++) {
    float *gradient = dpacked + row * wide;
    const float *direction = packed + row * wide;
    if (shape->is_cosine) {
      // What would only lengthen the vector changes nothing.
      const float along = row_dot(direction, gradient, wide);
      for (size_t c = 0; c < wide; c += LANES)
        store(gradient + c,
              (load(gradient + c) - load(direction + c) * along) * inverse_lengths[row]);
    }
    square += row_dot(gradient, gradient, wide);
    float *to = dstudent + row * shape->student_stride;
    for (size_t c = 0; c < columns; c++) to[c] += shape->weight * gradient[c];
  }
  return square;
}

static double relation_distill(const transformer_relation_shape *shape, const float *student,
                               const float *teacher, float *dstudent, double *gradient_square,
                               float *scratch) {
  const size_t keys = shape->keys, longer = whole_vectors(keys);
  const size_t width = shape->student_width, wide = whole_vectors(width);
  const size_t teacher_width = shape->teacher_width, teacher_wide = whole_vectors(teacher_width);
  float *packed = scratch;                                        // [keys, wide]
  float *dpacked = packed + keys * wide;                          // [keys, wide]
  float *teacher_packed = dpacked + keys * wide;                  // [keys, teacher_wide]
  float *transposed = teacher_packed + keys * teacher_wide;       // [width, long]
  float *teacher_transposed = transposed + width * longer;        // [teacher_width, long]
  float *scores = teacher_transposed + teacher_width * longer;    // [BLOCK, long]
  float *teacher_scores = scores + BLOCK * longer;                // [BLOCK, long]
  float *inverse_lengths = teacher_scores + BLOCK * longer;       // [keys]
  pack_directions(student, shape->student_stride, keys, width, shape->is_cosine, packed,
                  inverse_lengths);
  pack_directions(teacher, shape->teacher_stride, keys, teacher_width, shape->is_cosine,
                  teacher_packed, 0);
  pack_transposed(packed, wide, keys, width, transposed);
  pack_transposed(teacher_packed, teacher_wide, keys, teacher_width, teacher_transposed);
  memset(dpacked, 0, keys * wide * sizeof(float));

  double divergence = 0;
  const int is_causal = shape->is_causal;
  for (size_t first = 0; first < shape->rows; first += BLOCK) {
    const size_t rows = shape->rows - first < BLOCK ? shape->rows - first : BLOCK;
    const size_t seen = is_causal ? first + rows : keys, columns = whole_vectors(seen);
    causal_product(is_causal ? SCORES : EVERYTHING, first, packed + first * wide, wide, 1,
                   transposed, longer, scores, longer, rows, columns, width, 0);
    causal_product(is_causal ? SCORES : EVERYTHING, first, teacher_packed + first * teacher_wide,
                   teacher_wide, 1, teacher_transposed, longer, teacher_scores, longer, rows,
                   columns, teacher_width, 0);
    for (size_t i = 0; i < rows; i++)
      divergence += relation_row(scores + i * longer, teacher_scores + i * longer,
                                 is_causal ? first + i : keys - 1, columns, shape->student_scale,
                                 shape->teacher_scale);
    causal_product(is_causal ? BY_QUERY : EVERYTHING, first, scores, longer, 1, packed, wide,
                   dpacked + first * wide, wide, rows, wide, seen, 1);
    causal_product(is_causal ? BY_KEY : EVERYTHING, first, scores, 1, longer, packed + first * wide,
                   wide, dpacked, wide, seen, wide, rows, 1);
  }
  *gradient_square = add_direction_gradients(shape, packed, inverse_lengths, dpacked, dstudent);
  return divergence;
}
