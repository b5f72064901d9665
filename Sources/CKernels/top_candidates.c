// Selecting the K largest of V logits in one pass.
//
// The row is read in blocks; a block whose maximum does not exceed the K-th largest logit so far is
// left at once, which holds for all but about K ln(V/K) of them when logits come in no order. The
// others are searched, and what they bring is inserted into a sorted list.

#include <math.h>
#include <string.h>

#include "include/loss_kernels.h"
#include "include/teacher_kernels.h"
#include "instruction_sets.h"

enum { BLOCK = 64 };

typedef float (*exp_sum_row_function)(float *, float, size_t, float *);

// The list of the largest so far, sorted: falling values, equal ones by rising index.
struct largest_list {
  size_t count;
  float values[TOP_CANDIDATES_MAX];
  int32_t indices[TOP_CANDIDATES_MAX];
};

static void insert(struct largest_list *list, size_t limit, float value, int32_t index) {
  size_t place = list->count < limit ? list->count++ : limit - 1;
  // Later indices are larger, so that an equal value goes behind those that are there.
  while (place > 0 && list->values[place - 1] < value) {
    list->values[place] = list->values[place - 1];
    list->indices[place] = list->indices[place - 1];
    place--;
  }
  list->values[place] = value;
  list->indices[place] = index;
}

// The largest of one block, and its sum of x * 0, which is not 0 when the block is not finite.
INLINE_BODY float block_max(const float *x, float *not_finite) {
  float largest[16], zeros[16];
  for (int lane = 0; lane < 16; lane++) {
    largest[lane] = x[lane];
    zeros[lane] = x[lane] * 0.0f;
  }
  for (int i = 16; i < BLOCK; i += 16)
    for (int lane = 0; lane < 16; lane++) {
      largest[lane] = x[i + lane] > largest[lane] ? x[i + lane] : largest[lane];
      zeros[lane] += x[i + lane] * 0.0f;
    }
  for (int half = 8; half > 0; half /= 2)
    for (int lane = 0; lane < half; lane++) {
      largest[lane] =
          largest[lane + half] > largest[lane] ? largest[lane + half] : largest[lane];
      zeros[lane] += zeros[lane + half];
    }
  *not_finite += zeros[0];
  return largest[0];
}

INLINE_BODY void select_largest(const float *x, size_t count, size_t limit,
                                struct largest_list *list, float *not_finite) {
  list->count = 0;
  float threshold = -INFINITY;
  size_t i = 0;
  for (; i + BLOCK <= count; i += BLOCK) {
    if (!(block_max(x + i, not_finite) > threshold)) continue;
    for (size_t j = i; j < i + BLOCK; j++) {
      if (!(x[j] > threshold)) continue;
      insert(list, limit, x[j], (int32_t)j);
      if (list->count == limit) threshold = list->values[limit - 1];
    }
  }
  for (; i < count; i++) {
    *not_finite += x[i] * 0.0f;
    if (!(x[i] > threshold)) continue;
    insert(list, limit, x[i], (int32_t)i);
    if (list->count == limit) threshold = list->values[limit - 1];
  }
}

INLINE_BODY void top_candidates_rows(const struct top_candidates_chunk *chunk, size_t first,
                                     size_t last, exp_sum_row_function exp_sum_row) {
  const size_t vocabulary = chunk->vocabulary, candidates = chunk->candidates;
  for (size_t row = first; row < last; row++) {
    float *z = chunk->logits + row * vocabulary;
    struct largest_list list;
    float not_finite = 0;
    select_largest(z, vocabulary, candidates, &list, &not_finite);
    chunk->finite[row] = not_finite == 0;
    if (not_finite != 0) continue;
    // Take the candidates out, then sum the rest relative to its own maximum.
    for (size_t i = 0; i < candidates; i++) z[list.indices[i]] = -INFINITY;
    double other = -INFINITY;
    if (candidates < vocabulary) {
      float largest = -INFINITY, unused = 0;
      size_t i = 0;
      for (; i + BLOCK <= vocabulary; i += BLOCK) {
        const float block = block_max(z + i, &unused);
        if (block > largest) largest = block;
      }
      for (; i < vocabulary; i++)
        if (z[i] > largest) largest = z[i];
      float squares;
      other = (double)largest + log((double)exp_sum_row(z, largest, vocabulary, &squares));
    }
    // Smallest first, so that the sum of many small ones is not rounded away.
    double sum = exp(other - list.values[0]);
    for (size_t i = candidates; i-- > 0;) sum += exp((double)list.values[i] - list.values[0]);
    const double lse = (double)list.values[0] + log(sum);
    for (size_t i = 0; i < candidates; i++) {
      chunk->ids[row * candidates + i] = list.indices[i];
      chunk->logprobs[row * candidates + i] = (float)(list.values[i] - lse);
    }
    chunk->other_logprobs[row] = (float)(other - lse);
  }
}

void top_candidates_reference(const struct top_candidates_chunk *chunk, size_t first, size_t last) {
  top_candidates_rows(chunk, first, last, exp_sum_row_reference);
}

TARGET_AVX2 void top_candidates_avx2(const struct top_candidates_chunk *chunk, size_t first,
                                     size_t last) {
  top_candidates_rows(chunk, first, last, exp_sum_row_avx2);
}

TARGET_AVX512 void top_candidates_avx512(const struct top_candidates_chunk *chunk, size_t first,
                                         size_t last) {
  top_candidates_rows(chunk, first, last, exp_sum_row_avx512);
}
