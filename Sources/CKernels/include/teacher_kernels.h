// What a teacher keeps of its logits: the largest K of a row, and the mass of all others.
#ifndef TEACHER_KERNELS_H
#define TEACHER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// The most candidates that one row may have.
#define TOP_CANDIDATES_MAX 1024

// Some rows of logits. All arrays are row-major; nothing may alias.
struct top_candidates_chunk {
  float *logits;          // [rows, V]; overwritten: by the masses of the others, up to a factor a
                          // row, and at most 0 at the candidates
  size_t vocabulary;      // V
  size_t candidates;      // K, at most TOP_CANDIDATES_MAX and at most V
  int32_t *ids;           // out [rows, K], by falling logit, equal logits by rising id
  float *logprobs;        // out [rows, K], natural logs of the softmax over V
  float *other_logprobs;  // out [rows], log of the mass on the other V - K; -inf when K = V
  uint8_t *finite;        // out [rows], 0 when a logit is NaN or infinite; the rest is then undefined
};

// Does the rows first ..< last, each for itself, so that the bits do not depend on the split.
//
// The mass of the others is their own log-sum-exp, never 1 - sum(p), which would cancel. The sums
// of exponentials are the head loss's (loss_kernels.h), with their error.
void top_candidates_reference(const struct top_candidates_chunk *chunk, size_t first, size_t last);
void top_candidates_avx2(const struct top_candidates_chunk *chunk, size_t first, size_t last);
void top_candidates_avx512(const struct top_candidates_chunk *chunk, size_t first, size_t last);

// Draws indices in proportion to `count` masses; what is not above 0 is never drawn.
//
// `uniforms` [draws] are sorted, each in [0, 1). Writes the indices that were drawn, rising, to `ids`
// and how often each was to `counts`, both [draws], and returns how many there are; none when there
// is no mass. One thread, sums in double, so that the result depends on nothing else.
size_t draw_from_masses(const float *masses, size_t count, const double *uniforms, size_t draws,
                        int32_t *ids, int32_t *counts);

#endif
