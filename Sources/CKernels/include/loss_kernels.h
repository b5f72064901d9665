// The loops of the fused head and loss, and of what a training step counts.
//
// Legend: V is the vocabulary, K the stored candidates of a row, z a row's logits, p the softmax of
// z, c the weight of the cross-entropy's gradient.

#ifndef LOSS_KERNELS_H
#define LOSS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// The most candidates that one row may hold.
#define HEAD_LOSS_CANDIDATES_MAX 1024

enum head_loss_divergence {
  HEAD_LOSS_FORWARD_KL = 0,  // KL(teacher || student)
  HEAD_LOSS_REVERSE_KL = 1,  // KL(student || teacher)
  HEAD_LOSS_JENSEN_SHANNON = 2,
};

// What the teacher's side of a row turned out to be.
enum head_loss_signal {
  HEAD_LOSS_SIGNAL_USED = 0,
  // No usable candidate: counts as P(other) = 1 on both sides, loss and gradient are 0.
  HEAD_LOSS_SIGNAL_INVALID = 1,
};

// One chunk of rows. All arrays are row-major; nothing may alias.
struct head_loss_chunk {
  // [rows, V]. In: logits. Out: what the pass leaves, the gradient of the loss by the logits when
  // wants_gradient is 1, and unspecified when it is 0.
  float *logits;
  size_t vocabulary;
  const int32_t *targets;  // [rows], each in 0 ..< V
  // [rows], c: how much the row's cross-entropy weighs in the gradient.
  const float *cross_entropy_weights;
  // K, 0 without a teacher (then the next three are not read); at most HEAD_LOSS_CANDIDATES_MAX.
  size_t candidates;
  const int32_t *candidate_ids;     // [rows, K]; outside 0 ..< V: no entry
  const float *candidate_logprobs;  // [rows, K]; not above -9000, or positive beyond rounding: no entry
  const float *other_logprobs;      // [rows]; -inf: no mass
  // [rows, V], the teacher's logits; read, and overwritten, by head_loss_dense_rows_* only.
  float *teacher_logits;
  float temperature;                // above 0
  enum head_loss_divergence divergence;
  float divergence_weight;  // how much the row's divergence weighs in the gradient
  int wants_gradient;
  // Out, [rows] each. The gradients' squared norms are by the logits, at weight 1.
  double *cross_entropies;
  double *divergences;
  double *cross_entropy_gradient_squares;
  double *divergence_gradient_squares;
  uint8_t *signals;  // enum head_loss_signal
};

// Loss and gradient of the rows first ..< last.
//
// Cells first, temperature second: log p_k = z_k - lse(z) for the K ids, and log p_other is the lse
// of the other V - K logits minus lse(z); both sides are then divided by the temperature and
// renormalised over the K + 1 cells. Each row is computed alone, so that the bits do not depend on
// how rows are split.
void head_loss_rows_reference(const struct head_loss_chunk *chunk, size_t first, size_t last);
void head_loss_rows_avx2(const struct head_loss_chunk *chunk, size_t first, size_t last);
void head_loss_rows_avx512(const struct head_loss_chunk *chunk, size_t first, size_t last);

// The same for rows whose teacher's logits are all at hand; `candidates` and what belongs to them are
// not read. With p = softmax(z / temperature) and q = softmax(u / temperature), u being the
// teacher's logits: the divergence of q and p, and its gradient by z. Equal rows give 0 to rounding.
// A NaN or an infinity in a row, on either side, gives a row that is not finite. The forward and the
// reverse direction are fast; the Jensen-Shannon divergence is the reference's on every machine.
void head_loss_dense_rows_reference(const struct head_loss_chunk *chunk, size_t first, size_t last);
void head_loss_dense_rows_avx2(const struct head_loss_chunk *chunk, size_t first, size_t last);
void head_loss_dense_rows_avx512(const struct head_loss_chunk *chunk, size_t first, size_t last);

// x <- exp(x - shift), shift at least the largest x; returns the sum and sets the sum of squares.
// Results below 1.2e-38 become 0. Relative error of each exponential: below 2e-7.
float exp_sum_row_reference(float *x, float shift, size_t count, float *sum_of_squares);
float exp_sum_row_avx2(float *x, float shift, size_t count, float *sum_of_squares);
float exp_sum_row_avx512(float *x, float shift, size_t count, float *sum_of_squares);

// x <- x rounded to IEEE half precision and back, ties to even; beyond 65504 becomes infinite.
void round_to_half(float *x, size_t count);

#endif
