// One row of the fused head loss: everything but the loops over the vocabulary.
//
// Let s_i be the log-probabilities of the student's K + 1 cells, u = s / temperature, q = softmax(u),
// t the teacher's cells likewise, and g_i = dL/ds_i. L depends on s through a softmax only, so that
// the g_i sum to 0 and the derivative of lse(z), which all s_i share, drops out. What is left is
//   dL/dz_k = g_k                         for a candidate,
//   dL/dz_j = g_other * exp(z_j - lse_o)  for the others, lse_o being the lse over the others.
// Candidates are taken out of the row first, so that the row's one exponential sum is lse_o itself:
// no 1 - sum(p), no cancellation.

#ifndef HEAD_LOSS_ROW_H
#define HEAD_LOSS_ROW_H

#include <math.h>

#include "include/loss_kernels.h"

typedef float (*max_row_function)(const float *, size_t);
typedef float (*exp_sum_row_function)(float *, float, size_t, float *);
typedef void (*scale_row_function)(float *, float, size_t);

// A cell whose teacher has no mass counts as this in the reverse direction, which would be infinite.
#define LOGPROB_MIN (-80.0)
// Providers write -9999 for "no value"; nothing real is near it.
#define LOGPROB_SENTINEL (-9000.0f)
// Stored log-probabilities may pass 0 by rounding, not by more.
#define LOGPROB_MAX 0.5f

static inline double log_sum_exp(const double *x, size_t count) {
  double largest = -INFINITY;
  for (size_t i = 0; i < count; i++)
    if (x[i] > largest) largest = x[i];
  if (!(largest > -INFINITY)) return largest;
  double sum = 0;
  for (size_t i = 0; i < count; i++) sum += exp(x[i] - largest);
  return largest + log(sum);
}

// Divergence of the cells; leaves dL/ds in `student`. Both come as log-probabilities at
// temperature 1, need not be normalised, and are overwritten.
static inline double cell_divergence(double *teacher, double *student, size_t cells,
                                     double temperature, enum head_loss_divergence divergence) {
  for (size_t i = 0; i < cells; i++) {
    teacher[i] /= temperature;
    student[i] /= temperature;
  }
  const double teacher_sum = log_sum_exp(teacher, cells);
  const double student_sum = log_sum_exp(student, cells);
  double loss = 0;
  for (size_t i = 0; i < cells; i++) {
    teacher[i] -= teacher_sum;
    student[i] -= student_sum;
    const double t = exp(teacher[i]), q = exp(student[i]);
    switch (divergence) {
      case HEAD_LOSS_FORWARD_KL:
        if (t > 0) loss += t * (teacher[i] - student[i]);
        break;
      case HEAD_LOSS_REVERSE_KL:
        if (teacher[i] < LOGPROB_MIN) teacher[i] = LOGPROB_MIN;
        if (q > 0) loss += q * (student[i] - teacher[i]);
        break;
      case HEAD_LOSS_JENSEN_SHANNON: {
        const double middle = log(0.5 * (t + q));
        if (t > 0) loss += 0.5 * t * (teacher[i] - middle);
        if (q > 0) loss += 0.5 * q * (student[i] - middle);
        break;
      }
    }
  }
  // dL/du_i = q_i (f_i - sum_j q_j f_j) with f = dL/dq up to a constant.
  double mean = 0;
  if (divergence != HEAD_LOSS_FORWARD_KL) {
    for (size_t i = 0; i < cells; i++) {
      const double t = exp(teacher[i]), q = exp(student[i]);
      const double against =
          divergence == HEAD_LOSS_REVERSE_KL ? teacher[i] : log(0.5 * (t + q));
      if (q > 0) mean += q * (student[i] - against);
    }
  }
  for (size_t i = 0; i < cells; i++) {
    const double t = exp(teacher[i]), q = exp(student[i]);
    double by_u;
    if (divergence == HEAD_LOSS_FORWARD_KL) {
      by_u = q - t;
    } else if (q > 0) {
      const int reverse = divergence == HEAD_LOSS_REVERSE_KL;
      const double against = reverse ? teacher[i] : log(0.5 * (t + q));
      by_u = (reverse ? 1.0 : 0.5) * q * (student[i] - against - mean);
    } else {
      by_u = 0;
    }
    student[i] = by_u / temperature;
  }
  return loss;
}

static inline void head_loss_row(const struct head_loss_chunk *chunk, size_t row,
                                 max_row_function max_row, exp_sum_row_function exp_sum_row,
                                 scale_row_function scale_row) {
  const size_t vocabulary = chunk->vocabulary;
  float *z = chunk->logits + row * vocabulary;
  const size_t target = (size_t)chunk->targets[row];
  const double target_logit = z[target];

  // Take the candidates out of the row. What was taken already is -inf, and is not taken twice.
  size_t ids[HEAD_LOSS_CANDIDATES_MAX];
  double logits[HEAD_LOSS_CANDIDATES_MAX + 1];
  double teacher[HEAD_LOSS_CANDIDATES_MAX + 1];
  double student[HEAD_LOSS_CANDIDATES_MAX + 1];
  size_t cells = 0;
  const float other = chunk->candidates > 0 ? chunk->other_logprobs[row] : 0;
  const int has_signal = chunk->candidates > 0 && other <= LOGPROB_MAX;
  for (size_t i = 0; has_signal && i < chunk->candidates; i++) {
    const int32_t id = chunk->candidate_ids[row * chunk->candidates + i];
    const float logprob = chunk->candidate_logprobs[row * chunk->candidates + i];
    if (id < 0 || (size_t)id >= vocabulary) continue;
    if (!(logprob > LOGPROB_SENTINEL && logprob <= LOGPROB_MAX)) continue;
    if (z[id] == -INFINITY) continue;
    ids[cells] = (size_t)id;
    logits[cells] = z[id];
    teacher[cells] = logprob;
    z[id] = -INFINITY;
    cells++;
  }

  const float largest = max_row(z, vocabulary);
  float sum = 0, sum_of_squares = 0;
  double other_lse = -INFINITY;
  if (largest != -INFINITY) {
    sum = exp_sum_row(z, largest, vocabulary, &sum_of_squares);
    other_lse = (double)largest + log((double)sum);
  }
  logits[cells] = other_lse;
  const double lse = log_sum_exp(logits, cells + 1);
  const double other_share = exp(other_lse - lse);  // P(other)
  chunk->cross_entropies[row] = lse - target_logit;

  double divergence = 0, divergence_square = 0;
  double other_gradient = 0;
  // sum of exp(z_j - other_lse)^2 over the others.
  const double other_square = sum > 0 ? (double)sum_of_squares / ((double)sum * sum) : 0;
  if (cells > 0) {
    for (size_t i = 0; i <= cells; i++) student[i] = logits[i] - lse;
    teacher[cells] = other;
    // When the candidates are the whole vocabulary there is no other cell on the student's side.
    const size_t compared = sum > 0 ? cells + 1 : cells;
    divergence =
        cell_divergence(teacher, student, compared, chunk->temperature, chunk->divergence);
    if (compared > cells) other_gradient = student[cells];
    for (size_t i = 0; i < cells; i++) divergence_square += student[i] * student[i];
    divergence_square += other_gradient * other_gradient * other_square;
  }
  chunk->divergences[row] = divergence;
  chunk->divergence_gradient_squares[row] = divergence_square;
  chunk->signals[row] =
      cells == 0 && chunk->candidates > 0 ? HEAD_LOSS_SIGNAL_INVALID : HEAD_LOSS_SIGNAL_USED;

  const double target_share = exp(target_logit - lse);
  double square = other_share * other_share * other_square;
  for (size_t i = 0; i < cells; i++) square += exp(2 * (logits[i] - lse));
  // (p_target - 1)^2 in the place of p_target^2.
  chunk->cross_entropy_gradient_squares[row] = square + 1 - 2 * target_share;

  if (!chunk->wants_gradient) return;
  const double cross_entropy = chunk->cross_entropy_weights[row];
  const double weight = chunk->divergence_weight;
  if (sum > 0)
    scale_row(z, (float)((cross_entropy * other_share + weight * other_gradient) / sum),
              vocabulary);
  for (size_t i = 0; i < cells; i++)
    z[ids[i]] = (float)(cross_entropy * exp(logits[i] - lse) + weight * student[i]);
  z[target] -= (float)cross_entropy;
}

#endif
