// The loss of rows with a whole teacher distribution, in three passes over a row: maxima, sums,
// gradient. Included after transformer_vector.h, with EXP naming the exponential.
//
// Legend: z, u are the logits of student and teacher less their row's maximum, t the temperature;
// e = exp(z), p = exp(z / t), q = exp(u / t), none of them divided by its sum.
//
// Where t is 1, 2, 4 or 5, e is a power of p, and the sums' pass leaves p in the place of the student's
// logits: two exponentials an element. Elsewhere the logits stay, and the gradient's pass computes e
// and p again, which costs less than a third array on its way through the memory. The teacher's logits
// become q, or z - u in reverse. On a Zen 5, a row of 32,000 in the cache takes 15 us at t = 5 and 24
// at t = 1.3, where head_loss_rows takes 5.4.

#include <float.h>

// Partial sums are floats over at most this many terms a lane, then doubles.
enum { TERMS_PER_LANE = 64 };

// What is known of a row before its sums.
typedef struct {
  float largest_logit, largest_teacher_logit, inverse_temperature;
} dense_row_shape;

typedef struct {
  double e, e_squares, p, q;
  double crossed; // forward: of q (u - z); reverse: of p (z - u)
} dense_row_sums;

// The gradient: z <- cross_entropy e + weight g, and g = share (p - ratio q), or, in reverse,
// g = share p ((z - u) / t - offset). Equal rows have a ratio of 1, and a g of exactly 0.
typedef struct {
  float cross_entropy, weight, share, ratio, offset;
} dense_row_factors;

// Whole vectors of a row.
typedef struct {
  float *logits, *teacher;
  size_t count;
} dense_row_part;

#define DENSE_INLINE static inline __attribute__((always_inline))

// e = p^power. Where z is below -87, e is 0, as EXP gives it: numbers that are too small to be normal
// would be slow. `smallest` is p there.
DENSE_INLINE vfloat plain_exponential(vfloat p, float smallest, const int power) {
  if (power == 1) return p;
  const vfloat square = p * p;
  vfloat e = power == 2 ? square : square * square;
  if (power == 5) e *= p;
  return blend(p < smallest, (vfloat){0}, e);
}

DENSE_INLINE void dense_sums(const dense_row_shape *shape, dense_row_part part, const int power,
                             const int is_reverse, dense_row_sums *sums) {
  const float scale = shape->inverse_temperature, smallest = expf(-87.33f * scale);
  for (size_t i = 0; i < part.count;) {
    const size_t block = i + TERMS_PER_LANE * LANES, end = block < part.count ? block : part.count;
    vfloat e_sum = {0}, squares = {0}, p_sum = {0}, q_sum = {0}, crossed = {0};
    for (; i < end; i += LANES) {
      // The next row, if there is one, comes from memory while this one is computed. A prefetch of
      // what is not there does nothing.
      __builtin_prefetch((const void *)((uintptr_t)(part.logits + i) + part.count * 4), 0, 2);
      __builtin_prefetch((const void *)((uintptr_t)(part.teacher + i) + part.count * 4), 0, 2);
      const vfloat z = load(part.logits + i) - shape->largest_logit;
      const vfloat u = load(part.teacher + i) - shape->largest_teacher_logit;
      const vfloat p = EXP(z * scale), q = EXP(u * scale);
      const vfloat e = power == 0 ? EXP(z) : plain_exponential(p, smallest, power);
      e_sum += e;
      squares += e * e;
      p_sum += p;
      q_sum += q;
      crossed += is_reverse ? p * (z - u) : q * (u - z);
      if (power != 0) store(part.logits + i, p);
      store(part.teacher + i, is_reverse ? z - u : q);
    }
    sums->e += lane_sum(e_sum);
    sums->e_squares += lane_sum(squares);
    sums->p += lane_sum(p_sum);
    sums->q += lane_sum(q_sum);
    sums->crossed += lane_sum(crossed);
  }
}

// Returns the sum of g^2.
DENSE_INLINE double dense_gradient(const dense_row_shape *shape, const dense_row_factors *factors,
                                   dense_row_part part, const int power, const int is_reverse) {
  const float scale = shape->inverse_temperature, smallest = expf(-87.33f * scale);
  double square = 0;
  for (size_t i = 0; i < part.count;) {
    const size_t block = i + TERMS_PER_LANE * LANES, end = block < part.count ? block : part.count;
    vfloat squares = {0};
    for (; i < end; i += LANES) {
      const vfloat left = load(part.logits + i), other = load(part.teacher + i);
      const vfloat z = left - shape->largest_logit;
      const vfloat p = power == 0 ? EXP(z * scale) : left;
      const vfloat e = power == 0 ? EXP(z) : plain_exponential(p, smallest, power);
      const vfloat g = is_reverse ? factors->share * p * (other * scale - factors->offset)
                                  : factors->share * (p - factors->ratio * other);
      squares += g * g;
      store(part.logits + i, factors->cross_entropy * e + factors->weight * g);
    }
    square += lane_sum(squares);
  }
  return square;
}

static float largest_of_row(const float *x, size_t count) {
  vfloat first = splat(-INFINITY), second = first, third = first, fourth = first;
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES) {
    first = larger(first, load(x + i));
    second = larger(second, load(x + i + LANES));
    third = larger(third, load(x + i + 2 * LANES));
    fourth = larger(fourth, load(x + i + 3 * LANES));
  }
  float result = lane_max(larger(larger(first, second), larger(third, fourth)));
  for (; i < count; i++)
    if (x[i] > result) result = x[i];
  return result;
}

DENSE_INLINE void dense_row(const struct head_loss_chunk *chunk, size_t row, const int power,
                            const int is_reverse) {
  const size_t vocabulary = chunk->vocabulary, whole = vocabulary / LANES * LANES;
  const size_t rest = vocabulary - whole;
  float *z = chunk->logits + row * vocabulary, *u = chunk->teacher_logits + row * vocabulary;
  const size_t target = (size_t)chunk->targets[row];
  const double target_logit = z[target], temperature = chunk->temperature;
  const dense_row_shape shape = {
      .largest_logit = largest_of_row(z, vocabulary),
      .largest_teacher_logit = largest_of_row(u, vocabulary),
      .inverse_temperature = 1.0f / chunk->temperature,
  };
  // The columns behind the last whole vector, as one vector: what is missing has no share.
  float tail[LANES], teacher_tail[LANES];
  for (size_t i = 0; i < LANES; i++) {
    tail[i] = i < rest ? z[whole + i] : -FLT_MAX;
    teacher_tail[i] = i < rest ? u[whole + i] : -FLT_MAX;
  }
  const dense_row_part parts[2] = {{z, u, whole}, {tail, teacher_tail, rest > 0 ? LANES : 0}};
  dense_row_sums sums = {0};
#pragma clang loop unroll(disable)
  for (int i = 0; i < 2; i++) dense_sums(&shape, parts[i], power, is_reverse, &sums);

  // log of the sums' quotient: what log p - log q differs by from (z - u) / t.
  const double quotient = log(sums.p) - log(sums.q);
  const double divergence = is_reverse ? sums.crossed / temperature / sums.p - quotient
                                       : sums.crossed / temperature / sums.q + quotient;
  const double lse = shape.largest_logit + log(sums.e);
  chunk->cross_entropies[row] = lse - target_logit;
  // (p_target - 1)^2 in the place of p_target^2.
  chunk->cross_entropy_gradient_squares[row] =
      sums.e_squares / (sums.e * sums.e) + 1 - 2 * exp(target_logit - lse);
  chunk->divergences[row] = divergence;
  chunk->signals[row] = HEAD_LOSS_SIGNAL_USED;

  const dense_row_factors factors = {
      .cross_entropy = (float)(chunk->cross_entropy_weights[row] / sums.e),
      .weight = chunk->divergence_weight,
      .share = (float)(1 / (sums.p * temperature)),
      .ratio = (float)(sums.p / sums.q),
      .offset = (float)(quotient + divergence),
  };
  double square = 0;
#pragma clang loop unroll(disable)
  for (int i = 0; i < 2; i++)
    square += dense_gradient(&shape, &factors, parts[i], power, is_reverse);
  memcpy(z + whole, tail, rest * sizeof(float));
  z[target] -= chunk->cross_entropy_weights[row];
  chunk->divergence_gradient_squares[row] = square;
}

DENSE_INLINE void dense_rows_in(const struct head_loss_chunk *chunk, size_t first, size_t last,
                                const int power) {
  const int is_reverse = chunk->divergence == HEAD_LOSS_REVERSE_KL;
  for (size_t row = first; row < last; row++) {
    if (is_reverse) dense_row(chunk, row, power, 1);
    else dense_row(chunk, row, power, 0);
  }
}

static void dense_rows(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  const float temperature = chunk->temperature;
  if (chunk->divergence == HEAD_LOSS_JENSEN_SHANNON)
    head_loss_dense_rows_reference(chunk, first, last);
  else if (temperature == 1) dense_rows_in(chunk, first, last, 1);
  else if (temperature == 2) dense_rows_in(chunk, first, last, 2);
  else if (temperature == 4) dense_rows_in(chunk, first, last, 4);
  else if (temperature == 5) dense_rows_in(chunk, first, last, 5);
  else dense_rows_in(chunk, first, last, 0);
}
