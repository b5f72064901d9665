// Reductions over a row of logits; the contract is in evaluation_kernels.h.

// Partial sums are floats over at most this many terms a lane, then doubles.
enum { TERMS_PER_LANE = 64 };

static void row_log_sum_exp(const float *logits, size_t vocabulary, double *log_sum_exp,
                            int32_t *top) {
  vfloat largest = splat(-INFINITY), zeros = {0};
  size_t i = 0;
  for (; i + LANES <= vocabulary; i += LANES) {
    vfloat z = load(logits + i);
    largest = larger(largest, z);
    zeros += z * 0.0f; // NaN as soon as a logit is not finite
  }
  float maximum = lane_max(largest), zero = lane_sum(zeros);
  for (; i < vocabulary; i++) {
    maximum = logits[i] > maximum ? logits[i] : maximum;
    zero += logits[i] * 0.0f;
  }
  if (zero != 0.0f) {
    *log_sum_exp = NAN;
    *top = -1;
    return;
  }
  double sum = 0;
  for (i = 0; i + LANES <= vocabulary;) {
    size_t end = i + TERMS_PER_LANE * LANES;
    vfloat part = {0};
    for (; i + LANES <= vocabulary && i < end; i += LANES)
      part += exponential(load(logits + i) - maximum);
    sum += lane_sum(part);
  }
  for (; i < vocabulary; i++)
    sum += exp((double)logits[i] - maximum);
  *log_sum_exp = maximum + log(sum);
  for (i = 0; logits[i] != maximum;)
    i++;
  *top = (int32_t)i;
}

static double row_divergence(const float *teacher, double teacher_log_sum_exp,
                             const float *student, double student_log_sum_exp,
                             size_t vocabulary) {
  // Probabilities below e^-87 are taken as e^-87, which no sum notices.
  const float teacher_shift = (float)teacher_log_sum_exp;
  const float shift = (float)(teacher_log_sum_exp - student_log_sum_exp);
  double sum = 0;
  size_t i = 0;
  while (i + LANES <= vocabulary) {
    size_t end = i + TERMS_PER_LANE * LANES;
    vfloat part = {0};
    for (; i + LANES <= vocabulary && i < end; i += LANES) {
      vfloat t = load(teacher + i), s = load(student + i);
      part += exponential(t - teacher_shift) * ((t - s) - shift);
    }
    sum += lane_sum(part);
  }
  for (; i < vocabulary; i++)
    sum += exp((double)teacher[i] - teacher_log_sum_exp) * ((teacher[i] - student[i]) - shift);
  return sum;
}

const evaluation_kernels_table TABLE = {
    .row_log_sum_exp = row_log_sum_exp,
    .row_divergence = row_divergence,
};
