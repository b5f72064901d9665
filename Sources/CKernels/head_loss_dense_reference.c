// The loss of rows with a whole teacher distribution, in double precision, as its formulas say.

#include <math.h>

#include "include/loss_kernels.h"

// lse(x / temperature).
static double log_sum_exp(const float *x, size_t count, double temperature) {
  float largest = -INFINITY;
  for (size_t i = 0; i < count; i++)
    // Written so that a NaN, once met, stays.
    if (!(x[i] <= largest)) largest = x[i];
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += exp(((double)x[i] - largest) / temperature);
  return largest / temperature + log(sum);
}

// What one side's share p contributes against the log-probability `against`: p (log p - against).
// A share of 0 contributes nothing, whatever it is held against; a NaN contributes itself.
static double contribution(double p, double log_p, double against) {
  return p == 0 ? 0 : p * (log_p - against);
}

static void dense_row(const struct head_loss_chunk *chunk, size_t row) {
  const size_t vocabulary = chunk->vocabulary;
  const double temperature = chunk->temperature;
  float *z = chunk->logits + row * vocabulary;
  const float *u = chunk->teacher_logits + row * vocabulary;
  const size_t target = (size_t)chunk->targets[row];
  const double lse = log_sum_exp(z, vocabulary, 1);
  const double student_lse = log_sum_exp(z, vocabulary, temperature);
  const double teacher_lse = log_sum_exp(u, vocabulary, temperature);

  // `mean`: of f over the student's shares, f being dL/dp up to a constant.
  double divergence = 0, mean = 0, square = 0;
  for (size_t i = 0; i < vocabulary; i++) {
    const double log_p = z[i] / temperature - student_lse, p = exp(log_p);
    const double log_q = u[i] / temperature - teacher_lse, q = exp(log_q);
    const double share = exp(z[i] - lse);
    square += share * share;
    switch (chunk->divergence) {
      case HEAD_LOSS_FORWARD_KL: divergence += contribution(q, log_q, log_p); break;
      case HEAD_LOSS_REVERSE_KL:
        divergence += contribution(p, log_p, log_q);
        mean = divergence;
        break;
      case HEAD_LOSS_JENSEN_SHANNON: {
        const double middle = log(0.5 * (p + q)), of_student = contribution(p, log_p, middle);
        divergence += 0.5 * (contribution(q, log_q, middle) + of_student);
        mean += of_student;
        break;
      }
    }
  }

  const double cross_entropy = chunk->cross_entropy_weights[row];
  const double target_share = exp(z[target] - lse);
  chunk->cross_entropies[row] = lse - z[target];
  // (p_target - 1)^2 in the place of p_target^2.
  chunk->cross_entropy_gradient_squares[row] = square + 1 - 2 * target_share;
  square = 0;
  for (size_t i = 0; i < vocabulary; i++) {
    const double log_p = z[i] / temperature - student_lse, p = exp(log_p);
    const double log_q = u[i] / temperature - teacher_lse, q = exp(log_q);
    // By z / temperature: p_i (f_i - mean).
    double gradient = p - q;
    if (chunk->divergence == HEAD_LOSS_REVERSE_KL)
      gradient = contribution(p, log_p, log_q) - p * mean;
    if (chunk->divergence == HEAD_LOSS_JENSEN_SHANNON)
      gradient = 0.5 * (contribution(p, log_p, log(0.5 * (p + q))) - p * mean);
    gradient /= temperature;
    square += gradient * gradient;
    z[i] = (float)(cross_entropy * exp(z[i] - lse) + chunk->divergence_weight * gradient);
  }
  z[target] -= (float)cross_entropy;
  chunk->divergences[row] = divergence;
  chunk->divergence_gradient_squares[row] = square;
  chunk->signals[row] = HEAD_LOSS_SIGNAL_USED;
}

void head_loss_dense_rows_reference(const struct head_loss_chunk *chunk, size_t first,
                                    size_t last) {
  for (size_t row = first; row < last; row++) dense_row(chunk, row);
}
