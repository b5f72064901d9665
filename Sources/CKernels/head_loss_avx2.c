#include "exp_of_non_positive_avx2.h"
#include "head_loss_row.h"

TARGET_AVX2 static inline float sum_of_lanes(__m256 x) {
  __m128 sum = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  sum = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
  return _mm_cvtss_f32(_mm_add_ss(sum, _mm_movehdup_ps(sum)));
}

TARGET_AVX2 static float max_row(const float *x, size_t count) {
  __m256 largest[4];
  for (int i = 0; i < 4; i++) largest[i] = _mm256_set1_ps(-INFINITY);
  size_t i = 0;
  for (; i + 32 <= count; i += 32)
    for (int lane = 0; lane < 4; lane++)
      largest[lane] = _mm256_max_ps(largest[lane], _mm256_loadu_ps(x + i + 8 * lane));
  float lanes[8];
  _mm256_storeu_ps(lanes, _mm256_max_ps(_mm256_max_ps(largest[0], largest[1]),
                                        _mm256_max_ps(largest[2], largest[3])));
  float result = -INFINITY;
  for (int lane = 0; lane < 8; lane++)
    if (!(lanes[lane] <= result)) result = lanes[lane];
  for (; i < count; i++)
    if (!(x[i] <= result)) result = x[i];
  return result;
}

TARGET_AVX2 float exp_sum_row_avx2(float *x, float shift, size_t count, float *sum_of_squares) {
  __m256 sum[4], squares[4];
  for (int i = 0; i < 4; i++) sum[i] = squares[i] = _mm256_setzero_ps();
  const __m256 shifts = _mm256_set1_ps(shift);
  size_t i = 0;
  for (; i + 32 <= count; i += 32)
    for (int lane = 0; lane < 4; lane++) {
      float *at = x + i + 8 * lane;
      const __m256 e = exp_of_non_positive(_mm256_sub_ps(_mm256_loadu_ps(at), shifts));
      _mm256_storeu_ps(at, e);
      sum[lane] = _mm256_add_ps(sum[lane], e);
      squares[lane] = _mm256_fmadd_ps(e, e, squares[lane]);
    }
  float total = sum_of_lanes(
      _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
  float total_squares = sum_of_lanes(_mm256_add_ps(_mm256_add_ps(squares[0], squares[1]),
                                                   _mm256_add_ps(squares[2], squares[3])));
  for (; i < count; i++) {
    x[i] = expf(x[i] - shift);
    total += x[i];
    total_squares += x[i] * x[i];
  }
  *sum_of_squares = total_squares;
  return total;
}

TARGET_AVX2 static void scale_row(float *x, float factor, size_t count) {
  const __m256 factors = _mm256_set1_ps(factor);
  size_t i = 0;
  for (; i + 8 <= count; i += 8)
    _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factors));
  for (; i < count; i++) x[i] *= factor;
}

void head_loss_rows_avx2(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  for (size_t row = first; row < last; row++)
    head_loss_row(chunk, row, max_row, exp_sum_row_avx2, scale_row);
}
