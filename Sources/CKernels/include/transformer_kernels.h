// The elementwise and attention loops of the transformer, forward and backward.
//
// Every loop is written once, in the *_loops.h files beside this folder, with vectors of LANES
// floats. transformer_scalar.c, transformer_avx2.c and transformer_avx512.c compile them for their
// instruction set, and transformer_kernels() hands out the table of one of them. All three compute
// the same formulas; their floats differ by rounding only (sums are split over the lanes).
//
// Matrices are row-major. A function works on the rows that it is given and on nothing else, so a
// caller may split rows over threads without changing a bit of the result.

#ifndef TRANSFORMER_KERNELS_H
#define TRANSFORMER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// What the gate of the gated MLP goes through.
typedef enum { TRANSFORMER_SILU = 0, TRANSFORMER_RELU_SQUARED = 1 } transformer_activation;

// One (sequence, key-value head) of causal attention: T positions, G query heads that share the
// head of keys and values, D floats per head.
//
// Position i attends to positions 0 ... i. Key padding needs no mask beyond that: sequences are
// padded at the right, so that a valid position never meets a padded one; T counts valid positions.
typedef struct {
  size_t length;           // T
  size_t query_heads;      // G
  size_t head_dimension;   // D
  size_t query_stride;     // floats from one position to the next, in queries and outputs
  size_t key_value_stride; // the same, in keys and values
  float scale;             // 1/sqrt(D)
} transformer_attention_shape;

// One (sequence, relation head) of attention-relation distillation (Wang et al. 2021,
// arXiv:2012.15828): the queries, or the keys, or the values of a student and of its teacher, whose
// widths may differ. Vectors of one side are a relation head wide.
//
// A score of positions i and j is scale * a_i a_j, a being the vectors, or their directions when
// is_cosine. A row's shares are the softmax of its scores.
typedef struct {
  size_t rows;           // positions whose rows count, 0 ..< rows; at least 1
  size_t keys;           // positions that there are; at least `rows`
  size_t student_width;  // floats of a vector
  size_t teacher_width;
  size_t student_stride; // floats from one position to the next
  size_t teacher_stride;
  float student_scale;
  float teacher_scale;
  int is_cosine;
  int is_causal;         // row i sees the keys 0 ... i, else all of them
  float weight;          // of the gradient that is added
} transformer_relation_shape;

typedef struct {
  // out = x + addend (addend may be null: then out is not written and stands for x);
  // inverse_rms[row] = 1/sqrt(mean(out^2) + epsilon); normed = out * inverse_rms * gain.
  // x, addend, out, normed: [rows, columns]; gain: [columns]; inverse_rms: [rows].
  void (*rmsnorm_forward)(const float *x, const float *addend, float *out, const float *gain,
                          float epsilon, size_t rows, size_t columns, float *normed,
                          float *inverse_rms);

  // Adds to dx (accumulate != 0) or sets it, and sets dgain[columns] to these rows' share.
  // With g = dnormed * gain, r = inverse_rms: dx = r * g - x * r^3 * mean(g * x);
  // dgain = sum over rows of dnormed * x * r. dgain may be null.
  void (*rmsnorm_backward)(const float *dnormed, const float *x, const float *gain,
                           const float *inverse_rms, size_t rows, size_t columns, float *dx,
                           int accumulate, float *dgain);

  // Rotates pairs (i, i + D/2) of every head by the angle of the row's position (half-split, or
  // "NeoX", order). Row r of x is position (first_row + r) % length. direction +1 is the forward
  // pass, -1 its transpose. x: [rows, heads * D]; cosines, sines: [length, D/2].
  void (*rope_rotate)(float *x, size_t first_row, size_t rows, size_t length, size_t heads,
                      size_t head_dimension, const float *cosines, const float *sines,
                      float direction);

  // Floats of scratch that one attention item needs.
  size_t (*attention_scratch)(const transformer_attention_shape *shape);

  // output = softmax(scale * q k^T + causal mask) v, and log_sum_exp[G, log_stride] of each row.
  void (*attention_forward)(const transformer_attention_shape *shape, const float *queries,
                            const float *keys, const float *values, float *output,
                            float *log_sum_exp, size_t log_stride, float *scratch);

  // Sets dqueries, dkeys and dvalues of the item. The probabilities are computed again from
  // log_sum_exp, a block of query rows at a time.
  void (*attention_backward)(const transformer_attention_shape *shape, const float *queries,
                             const float *keys, const float *values, const float *output,
                             const float *log_sum_exp, size_t log_stride, const float *doutput,
                             float *dqueries, float *dkeys, float *dvalues, float *scratch);

  // The three above with products of operands rounded to bf16, summed in fp32, where the instruction
  // set has them; the softmax stays in fp32. scratch is aligned to 64 bytes.
  size_t (*attention_scratch_bf16)(const transformer_attention_shape *shape);
  void (*attention_forward_bf16)(const transformer_attention_shape *shape, const float *queries,
                                 const float *keys, const float *values, float *output,
                                 float *log_sum_exp, size_t log_stride, float *scratch);
  void (*attention_backward_bf16)(const transformer_attention_shape *shape, const float *queries,
                                  const float *keys, const float *values, const float *output,
                                  const float *log_sum_exp, size_t log_stride,
                                  const float *doutput, float *dqueries, float *dkeys,
                                  float *dvalues, float *scratch);

  // Floats of scratch that one item of relations needs.
  size_t (*relation_scratch)(const transformer_relation_shape *shape);

  // Returns the sum over the rows of KL(teacher || student), adds weight times its gradient by the
  // student's vectors to dstudent, of the student's stride, and sets *gradient_square to the squared
  // norm of that gradient without the weight. Equal sides give 0.
  double (*relation_distill)(const transformer_relation_shape *shape, const float *student,
                             const float *teacher, float *dstudent, double *gradient_square,
                             float *scratch);

  // product = activation(gate) * up; then, when gain is not null, normed = RMSNorm(product) and
  // inverse_rms per row; when it is null, normed = product. gate, up, normed: [rows, columns].
  void (*gated_forward)(transformer_activation activation, const float *gate, const float *up,
                        const float *gain, float epsilon, size_t rows, size_t columns,
                        float *normed, float *inverse_rms);

  // The transpose of gated_forward. dgate (which may be dnormed) and dup are set; dgain[columns] is
  // set to these rows' share (not touched when gain is null).
  void (*gated_backward)(transformer_activation activation, const float *dnormed,
                         const float *gate, const float *up, const float *gain,
                         const float *inverse_rms, size_t rows, size_t columns, float *dgate,
                         float *dup, float *dgain);

  // out[row] = table[tokens[row]]. table: [V, columns]; out: [rows, columns].
  void (*embedding_gather)(const float *table, const int32_t *tokens, size_t rows, size_t columns,
                           float *out);

  // dtable[tokens[row], first_column ..< last_column] += dx[row, the same columns], in row order.
  void (*embedding_scatter)(const float *dx, const int32_t *tokens, size_t rows, size_t columns,
                            size_t first_column, size_t last_column, float *dtable);

  // x[row] += bias. x: [rows, columns].
  void (*bias_add)(float *x, const float *bias, size_t rows, size_t columns);

  // sums[columns] = the sum of x's rows, first to last. x: [rows, columns].
  void (*column_sums)(const float *x, size_t rows, size_t columns, float *sums);

  // y += x, count floats.
  void (*add)(float *y, const float *x, size_t count);

  // bf16 is the upper half of a float: rounds ties to even, and back. count each; a NaN stays one.
  void (*round_to_bf16_words)(const float *x, size_t count, uint16_t *rounded);
  void (*widen_bf16_words)(const uint16_t *rounded, size_t count, float *x);
} transformer_kernels_table;

// The loops for instruction set 0 (the compiler's baseline), 1 (AVX2 and FMA) or 2 (AVX-512).
// The caller answers for the CPU having it. Never null; an unknown number means 0.
const transformer_kernels_table *transformer_kernels(int instruction_set);

// What the AVX-512 table holds for bf16 (attention_bf16_avx512.c).
size_t attention_scratch_bf16_avx512(const transformer_attention_shape *shape);
void attention_forward_bf16_avx512(const transformer_attention_shape *shape, const float *queries,
                                   const float *keys, const float *values, float *output,
                                   float *log_sum_exp, size_t log_stride, float *scratch);
void attention_backward_bf16_avx512(const transformer_attention_shape *shape,
                                    const float *queries, const float *keys, const float *values,
                                    const float *output, const float *log_sum_exp,
                                    size_t log_stride, const float *doutput, float *dqueries,
                                    float *dkeys, float *dvalues, float *scratch);

#endif
