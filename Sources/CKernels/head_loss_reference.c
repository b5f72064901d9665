#include "head_loss_row.h"

static float max_row(const float *x, size_t count) {
  float largest = -INFINITY;
  for (size_t i = 0; i < count; i++)
    // Written so that a NaN, once met, stays.
    if (!(x[i] <= largest)) largest = x[i];
  return largest;
}

float exp_sum_row_reference(float *x, float shift, size_t count, float *sum_of_squares) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++) {
    x[i] = expf(x[i] - shift);
    sum += x[i];
    squares += (double)x[i] * x[i];
  }
  *sum_of_squares = (float)squares;
  return (float)sum;
}

static void scale_row(float *x, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] *= factor;
}

void head_loss_rows_reference(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  for (size_t row = first; row < last; row++)
    head_loss_row(chunk, row, max_row, exp_sum_row_reference, scale_row);
}
