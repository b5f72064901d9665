// Causal attention of one (sequence, key-value head) with products in bf16, summed in fp32; the
// contract is in transformer_kernels.h, the algorithm in attention_loops.h. Rounded to bf16 are
// queries, keys, values, probabilities and the gradients of outputs and scores; the softmax is fp32.
//
// A left operand is [rows][words], a right one [panel of 64 columns][words][64]; a word holds two
// bf16 of neighbouring depth, the smaller in its lower half.

#define LANES 16

#if defined(__x86_64__)
#include <immintrin.h>

#include "transpose_words.h"

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx512bf16"))), \
    apply_to = function)
#include "transformer_vector.h"

#include "attention_rows.h"

enum { BLOCK = 64, PANEL = 64, TILE_ROWS = 6, TILE_VECTORS = PANEL / LANES };

// Pieces of the scratch. Sizes: T positions rounded up to `longer`, a multiple of 64, D columns to
// `wide`; words are half of that.
typedef struct {
  size_t longer, wide, words;       // words: of a row of D columns, a multiple of 16
  uint32_t *keys_across;            // [longer/64][words][64], depth D: for scores
  uint32_t *values_across;          // likewise, for the probabilities' gradient
  uint32_t *keys_along;             // [wide/64][longer/2][64], depth T: for the queries' gradient
  uint32_t *values_along;           // likewise, for the output
  uint32_t *queries_along;          // likewise, for the keys' gradient
  uint32_t *doutput_along;          // likewise, for the values' gradient
  uint32_t *left, *other_left;      // [BLOCK][words]
  float *scores, *dscores;          // [BLOCK][longer]
  uint32_t *score_words;            // [BLOCK][longer/2]
  uint32_t *turned;                 // [longer][BLOCK/2], a transposed block of probabilities
  float *sums;                      // [BLOCK][wide]
  float *dkeys, *dvalues;           // [longer][wide]
} workspace;

// The next piece of `scratch`, which is null where only the size is asked for.
static inline uint32_t *take(float *scratch, size_t *taken, size_t words) {
  size_t first = *taken;
  *taken += words;
  return scratch ? (uint32_t *)scratch + first : NULL;
}

// Gives the words taken. All sizes are multiples of 16, so that every piece is aligned like `scratch`.
static size_t lay_out(const transformer_attention_shape *shape, float *scratch, workspace *w) {
  size_t longer = (shape->length + 63) / 64 * 64, wide = (shape->head_dimension + 63) / 64 * 64;
  size_t words = (shape->head_dimension + 31) / 32 * 16;
  size_t taken = 0;
  w->longer = longer;
  w->wide = wide;
  w->words = words;
  w->keys_across = take(scratch, &taken, longer * words);
  w->values_across = take(scratch, &taken, longer * words);
  w->keys_along = take(scratch, &taken, longer / 2 * wide);
  w->values_along = take(scratch, &taken, longer / 2 * wide);
  w->queries_along = take(scratch, &taken, longer / 2 * wide);
  w->doutput_along = take(scratch, &taken, longer / 2 * wide);
  w->left = take(scratch, &taken, BLOCK * words);
  w->other_left = take(scratch, &taken, BLOCK * words);
  w->scores = (float *)take(scratch, &taken, BLOCK * longer);
  w->dscores = (float *)take(scratch, &taken, BLOCK * longer);
  w->score_words = take(scratch, &taken, BLOCK * longer / 2);
  w->turned = take(scratch, &taken, longer * BLOCK / 2);
  w->sums = (float *)take(scratch, &taken, BLOCK * wide);
  w->dkeys = (float *)take(scratch, &taken, longer * wide);
  w->dvalues = (float *)take(scratch, &taken, longer * wide);
  return taken;
}

size_t attention_scratch_bf16_avx512(const transformer_attention_shape *shape) {
  workspace w;
  return lay_out(shape, NULL, &w);
}

static inline __mmask16 first_lanes(size_t count) {
  return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

// Sixteen words along 32 neighbours of a row, zero beyond `count`.
static inline __m512i words_along(const float *row, size_t count) {
  __m512 low = _mm512_maskz_loadu_ps(first_lanes(count), row);
  __m512 high = count > 16 ? _mm512_maskz_loadu_ps(first_lanes(count - 16), row + 16)
                           : _mm512_setzero_ps();
  return (__m512i)_mm512_cvtne2ps_pbh(high, low);
}

// Words of two rows: lane i is (first[i], second[i]).
static inline __m512i words_across(__m512 first, __m512 second) {
  const __m512i interleave =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(interleave, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// A left operand of x[rows, columns]; words: of a row of `packed`, at least columns / 2.
static void pack_rows(const float *x, size_t stride, size_t rows, size_t columns, size_t words,
                      uint32_t *packed) {
  for (size_t row = 0; row < rows; row++)
    for (size_t k = 0; k < columns; k += 32)
      _mm512_storeu_si512(packed + row * words + k / 2,
                          words_along(x + row * stride + k, columns - k));
}

// A right operand whose columns are the rows of x[rows, columns].
static void pack_across(const float *x, size_t stride, size_t rows, size_t columns, size_t words,
                        uint32_t *packed) {
  for (size_t row = 0; row < rows; row += 16) {
    uint32_t *panel = packed + row / PANEL * words * PANEL + row % PANEL;
    for (size_t k = 0; k < columns; k += 32) {
      __m512i square[16];
      for (size_t i = 0; i < 16; i++)
        square[i] = row + i < rows ? words_along(x + (row + i) * stride + k, columns - k)
                                   : _mm512_setzero_si512();
      transpose_words(square);
      for (size_t i = 0; i < 16; i++)
        _mm512_storeu_si512(panel + (k / 2 + i) * PANEL, square[i]);
    }
  }
}

// A right operand whose depth are the rows of x[rows, columns], zero up to `longer` rows.
static void pack_along(const float *x, size_t stride, size_t rows, size_t columns, size_t longer,
                       uint32_t *packed) {
  for (size_t column = 0; column < columns; column += 16) {
    uint32_t *panel = packed + column / PANEL * (longer / 2) * PANEL + column % PANEL;
    __mmask16 mask = first_lanes(columns - column);
    for (size_t row = 0; row < longer; row += 2) {
      const float *at = x + row * stride + column;
      __m512 first = _mm512_setzero_ps(), second = _mm512_setzero_ps();
      if (row < rows)
        first = _mm512_maskz_loadu_ps(mask, at);
      if (row + 1 < rows)
        second = _mm512_maskz_loadu_ps(mask, at + stride);
      _mm512_storeu_si512(panel + row / 2 * PANEL, words_across(first, second));
    }
  }
}

// A left operand of the transpose of x[rows, columns], rows at most BLOCK, columns a multiple of 16:
// [columns][BLOCK/2].
static void pack_turned(const float *x, size_t stride, size_t rows, size_t columns,
                        uint32_t *packed) {
  for (size_t column = 0; column < columns; column += 16)
    for (size_t row = 0; row < rows; row += 32) {
      __m512i square[16];
      for (size_t i = 0; i < 16; i++) {
        size_t at = row + 2 * i;
        __m512 first = _mm512_setzero_ps(), second = _mm512_setzero_ps();
        if (at < rows)
          first = _mm512_loadu_ps(x + at * stride + column);
        if (at + 1 < rows)
          second = _mm512_loadu_ps(x + (at + 1) * stride + column);
        square[i] = words_across(first, second);
      }
      transpose_words(square);
      for (size_t i = 0; i < 16; i++)
        _mm512_storeu_si512(packed + (column + i) * (BLOCK / 2) + row / 2, square[i]);
    }
}

// c[rows, 64] = left right (+ c), all in registers.
static inline __attribute__((always_inline)) void
tile(const int rows, const uint32_t *left, size_t left_stride, const uint32_t *panel,
     size_t words, float *c, size_t c_stride, int accumulate) {
  __m512 sums[TILE_ROWS][TILE_VECTORS];
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < TILE_VECTORS; v++)
      sums[i][v] = accumulate ? _mm512_loadu_ps(c + i * c_stride + v * LANES)
                              : _mm512_setzero_ps();
  for (size_t word = 0; word < words; word++, panel += PANEL) {
    __m512i right[TILE_VECTORS];
    for (int v = 0; v < TILE_VECTORS; v++)
      right[v] = _mm512_loadu_si512(panel + v * LANES);
    for (int i = 0; i < rows; i++) {
      __m512i one = _mm512_set1_epi32((int32_t)left[i * left_stride + word]);
      for (int v = 0; v < TILE_VECTORS; v++)
        sums[i][v] = _mm512_dpbf16_ps(sums[i][v], (__m512bh)one, (__m512bh)right[v]);
    }
  }
  for (int i = 0; i < rows; i++)
    for (int v = 0; v < TILE_VECTORS; v++)
      _mm512_storeu_ps(c + i * c_stride + v * LANES, sums[i][v]);
}

// c[rows, 64 panels] = left right (+ c), as far as the mask asks for it; words: the whole depth.
static void causal_product(causal_part part, size_t first, const uint32_t *left,
                           size_t left_stride, const uint32_t *right, size_t panel_stride,
                           size_t panels, size_t rows, size_t words, float *c, size_t c_stride,
                           int accumulate) {
  for (size_t p = 0; p < panels; p++) {
    // Row tiles whose last query lies before the first of these keys see none of them.
    size_t column = p * PANEL;
    size_t row = part == SCORES && column > first ? (column - first) / TILE_ROWS * TILE_ROWS : 0;
    for (; row < rows; row += TILE_ROWS) {
      size_t count = rows - row < TILE_ROWS ? rows - row : TILE_ROWS;
      size_t begin = part == BY_KEY && row > first ? (row - first) / 2 : 0;
      size_t end = words;
      if (part == BY_QUERY && (first + row + count + 1) / 2 < words)
        end = (first + row + count + 1) / 2;
      const uint32_t *from = left + row * left_stride + begin;
      const uint32_t *panel = right + p * panel_stride + begin * PANEL;
      float *to = c + row * c_stride + column;
      switch (count) {
      case 1: tile(1, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      case 2: tile(2, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      case 3: tile(3, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      case 4: tile(4, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      case 5: tile(5, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      default: tile(6, from, left_stride, panel, end - begin, to, c_stride, accumulate); break;
      }
    }
  }
}

void attention_forward_bf16_avx512(const transformer_attention_shape *shape, const float *queries,
                                   const float *keys, const float *values, float *output,
                                   float *log_sum_exp, size_t log_stride, float *scratch) {
  workspace w;
  lay_out(shape, scratch, &w);
  size_t T = shape->length, D = shape->head_dimension, stride = shape->query_stride;
  pack_across(keys, shape->key_value_stride, T, D, w.words, w.keys_across);
  pack_along(values, shape->key_value_stride, T, D, w.longer, w.values_along);
  for (size_t head = 0; head < shape->query_heads; head++)
    for (size_t first = 0; first < T; first += BLOCK) {
      size_t rows = T - first < BLOCK ? T - first : BLOCK;
      size_t seen = first + rows, width = (seen + PANEL - 1) / PANEL * PANEL;
      pack_rows(queries + first * stride + head * D, stride, rows, D, w.words, w.left);
      causal_product(SCORES, first, w.left, w.words, w.keys_across, w.words * PANEL,
                     width / PANEL, rows, (D + 1) / 2, w.scores, w.longer, 0);
      float inverse[BLOCK];
      for (size_t i = 0; i < rows; i++) {
        float maximum;
        float sum =
            softmax_row(w.scores + i * w.longer, first + i, width, shape->scale, &maximum);
        inverse[i] = 1.0f / sum;
        log_sum_exp[head * log_stride + first + i] = maximum + logf(sum);
      }
      pack_rows(w.scores, w.longer, rows, width, w.longer / 2, w.score_words);
      causal_product(BY_QUERY, first, w.score_words, w.longer / 2, w.values_along,
                     w.longer / 2 * PANEL, w.wide / PANEL, rows, width / 2, w.sums, w.wide, 0);
      for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < D; c++)
          output[(first + i) * stride + head * D + c] = w.sums[i * w.wide + c] * inverse[i];
    }
}

// scores become probabilities, and dprobabilities the gradient of the unscaled scores, in place:
// p * (dp - dot) * scale. dot is the sum of p * dp over these very numbers, not doutput * output:
// then a row's gradients sum to 0 whatever was rounded, as they must where one key takes all.
static void softmax_row_backward(float *scores, float *dprobabilities, size_t position,
                                 size_t keys, float scale, float log_sum_exp) {
  vfloat dots = {0};
  size_t end = position + 1;
  for (size_t j = 0; j < end; j += LANES) {
    vfloat p = exponential(load(scores + j) * scale - log_sum_exp);
    p = blend(visible(j, position), p, (vfloat){0});
    store(scores + j, p);
    dots += p * blend(visible(j, position), load(dprobabilities + j), (vfloat){0});
  }
  float dot = lane_sum(dots);
  size_t j = 0;
  for (; j < end; j += LANES) {
    vfloat dscore = load(scores + j) * (load(dprobabilities + j) - dot) * scale;
    store(dprobabilities + j, blend(visible(j, position), dscore, (vfloat){0}));
  }
  for (; j < keys; j += LANES) {
    store(scores + j, (vfloat){0});
    store(dprobabilities + j, (vfloat){0});
  }
}

static void copy_rows(const float *from, size_t from_stride, size_t rows, size_t columns,
                      float *to, size_t to_stride) {
  for (size_t row = 0; row < rows; row++)
    memcpy(to + row * to_stride, from + row * from_stride, columns * sizeof(float));
}

void attention_backward_bf16_avx512(const transformer_attention_shape *shape,
                                    const float *queries, const float *keys, const float *values,
                                    const float *output, const float *log_sum_exp,
                                    size_t log_stride, const float *doutput, float *dqueries,
                                    float *dkeys, float *dvalues, float *scratch) {
  (void)output;
  workspace w;
  lay_out(shape, scratch, &w);
  size_t T = shape->length, D = shape->head_dimension, stride = shape->query_stride;
  size_t along = w.longer / 2 * PANEL, panels = w.wide / PANEL;
  pack_across(keys, shape->key_value_stride, T, D, w.words, w.keys_across);
  pack_across(values, shape->key_value_stride, T, D, w.words, w.values_across);
  pack_along(keys, shape->key_value_stride, T, D, w.longer, w.keys_along);
  memset(w.dkeys, 0, w.longer * w.wide * sizeof(float));
  memset(w.dvalues, 0, w.longer * w.wide * sizeof(float));
  for (size_t head = 0; head < shape->query_heads; head++) {
    pack_along(queries + head * D, stride, T, D, w.longer, w.queries_along);
    pack_along(doutput + head * D, stride, T, D, w.longer, w.doutput_along);
    for (size_t first = 0; first < T; first += BLOCK) {
      size_t rows = T - first < BLOCK ? T - first : BLOCK, offset = first * stride + head * D;
      size_t seen = first + rows, width = (seen + PANEL - 1) / PANEL * PANEL;
      pack_rows(queries + offset, stride, rows, D, w.words, w.left);
      pack_rows(doutput + offset, stride, rows, D, w.words, w.other_left);
      causal_product(SCORES, first, w.left, w.words, w.keys_across, w.words * PANEL,
                     width / PANEL, rows, (D + 1) / 2, w.scores, w.longer, 0);
      causal_product(SCORES, first, w.other_left, w.words, w.values_across, w.words * PANEL,
                     width / PANEL, rows, (D + 1) / 2, w.dscores, w.longer, 0);
      for (size_t i = 0; i < rows; i++)
        softmax_row_backward(w.scores + i * w.longer, w.dscores + i * w.longer, first + i, width,
                             shape->scale, log_sum_exp[head * log_stride + first + i]);
      size_t pairs = (rows + 1) / 2, from = first / 2 * PANEL;
      pack_turned(w.scores, w.longer, rows, width, w.turned);
      causal_product(BY_KEY, first, w.turned, BLOCK / 2, w.doutput_along + from, along, panels,
                     seen, pairs, w.dvalues, w.wide, 1);
      pack_turned(w.dscores, w.longer, rows, width, w.turned);
      causal_product(BY_KEY, first, w.turned, BLOCK / 2, w.queries_along + from, along, panels,
                     seen, pairs, w.dkeys, w.wide, 1);
      pack_rows(w.dscores, w.longer, rows, width, w.longer / 2, w.score_words);
      causal_product(BY_QUERY, first, w.score_words, w.longer / 2, w.keys_along, along, panels,
                     rows, width / 2, w.sums, w.wide, 0);
      copy_rows(w.sums, w.wide, rows, D, dqueries + offset, stride);
    }
  }
  copy_rows(w.dkeys, w.wide, T, D, dkeys, shape->key_value_stride);
  copy_rows(w.dvalues, w.wide, T, D, dvalues, shape->key_value_stride);
}
#pragma clang attribute pop
#endif
