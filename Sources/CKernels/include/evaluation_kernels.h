// Reductions over one row of logits, for held-out metrics.
//
// Legend: V is the vocabulary, z a row's logits, lse(z) = log(sum over i of exp(z_i)).

#ifndef EVALUATION_KERNELS_H
#define EVALUATION_KERNELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  // lse(z), and the first index of the largest logit. A row with a logit that is not finite gives
  // NaN and -1. Error of lse: below 1e-6 absolute for any V in use.
  void (*row_log_sum_exp)(const float *logits, size_t vocabulary, double *log_sum_exp,
                          int32_t *top);
  // KL(teacher || student) in nats, from both rows and their lse. Terms are differences of
  // log-probabilities, so that equal rows give exactly 0 and close ones lose no digits.
  double (*row_divergence)(const float *teacher, double teacher_log_sum_exp, const float *student,
                           double student_log_sum_exp, size_t vocabulary);
} evaluation_kernels_table;

// The loops for instruction set 0 (baseline), 1 (AVX2, FMA) or 2 (AVX-512). All compute the same
// formulas; their results differ by rounding.
const evaluation_kernels_table *evaluation_kernels(int instruction_set);

#endif
