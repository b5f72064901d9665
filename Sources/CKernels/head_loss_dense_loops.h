// The loss of rows with a whole teacher distribution, in three passes over a row: maxima, sums,
// gradient. Included after transformer_vector.h, with EXP naming the exponential.
//
// Legend: z, u are the logits of student and teacher less their row's maximum, t the temperature;
// e = exp(z), p = exp(z / t), q = exp(u / t), none of them divided by its sum. Of exponentials the
// sums' pass leaves q in the place of the teacher's logits; p and e are computed again where they
// are needed, which costs less than their way through the memory.
//
// Where t is 1, 2, 4 or 5, e is a power of p: two exponentials less a logit.

#include <float.h>

// Partial sums are floats over at most this many terms a lane, then doubles.
enum { TERMS_PER_LANE = 64 };

// What is known of a row before its sums.
typedef struct {
  float largest_logit, largest_teacher_logit, inverse_temperature;
  int is_reverse;
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

#define DENSE_INLINE static inline __attribute__((always_inline))

// exp(z), given p = exp(z / t); power is t where that is a whole number, else 0.
DENSE_INLINE vfloat plain_exponential(vfloat z, vfloat p, const int power) {
  if (power == 0) return EXP(z);
  if (power == 1) return p;
  vfloat square = p * p, result = square;
  if (power >= 4) result = square * square;
  if (power == 5) result *= p;
  // As EXP does: no numbers that are too small to be normal, which would be slow.
  return blend(z < -87.33f, (vfloat){0}, result);
}

DENSE_INLINE void dense_sums(const dense_row_shape *shape, const float *logits, float *teacher,
                             size_t count, const int power, dense_row_sums *sums) {
  const float scale = shape->inverse_temperature;
  for (size_t i = 0; i < count;) {
    const size_t end = i + TERMS_PER_LANE * LANES < count ? i + TERMS_PER_LANE * LANES : count;
    vfloat e_sum = {0}, squares = {0}, p_sum = {0}, q_sum = {0}, crossed = {0};
    for (; i < end; i += LANES) {
      // The next row, if there is one, comes from memory while this one is computed: XX us a row of
      // 32,000 became YY. A prefetch of what is not there does nothing.
      __builtin_prefetch((const char *)((uintptr_t)(logits + i) + count * sizeof(float)), 0, 2);
      __builtin_prefetch((const char *)((uintptr_t)(teacher + i) + count * sizeof(float)), 0, 2);
      const vfloat z = load(logits + i) - shape->largest_logit;
      const vfloat u = load(teacher + i) - shape->largest_teacher_logit;
      const vfloat p = EXP(z * scale), q = EXP(u * scale), e = plain_exponential(z, p, power);
      e_sum += e;
      squares += e * e;
      p_sum += p;
      q_sum += q;
      crossed += shape->is_reverse ? p * (z - u) : q * (u - z);
      if (!shape->is_reverse) store(teacher + i, q);
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
                                   float *logits, const float *teacher, size_t count,
                                   const int power) {
  const float scale = shape->inverse_temperature;
  double square = 0;
  for (size_t i = 0; i < count;) {
    const size_t end = i + TERMS_PER_LANE * LANES < count ? i + TERMS_PER_LANE * LANES : count;
    vfloat squares = {0};
    for (; i < end; i += LANES) {
      const vfloat z = load(logits + i) - shape->largest_logit, other = load(teacher + i);
      const vfloat p = EXP(z * scale), e = plain_exponential(z, p, power);
      vfloat g;
      if (shape->is_reverse)
        g = factors->share * p
            * ((z - (other - shape->largest_teacher_logit)) * scale - factors->offset);
      else
        g = factors->share * (p - factors->ratio * other);
      squares += g * g;
      store(logits + i, factors->cross_entropy * e + factors->weight * g);
    }
    square += lane_sum(squares);
  }
  return square;
}

static float largest_of_row(const float *x, size_t count) {
  vfloat largest[4] = {splat(-INFINITY), splat(-INFINITY), splat(-INFINITY), splat(-INFINITY)};
  size_t i = 0;
  for (; i + 4 * LANES <= count; i += 4 * LANES)
    for (int lane = 0; lane < 4; lane++)
      largest[lane] = larger(largest[lane], load(x + i + lane * LANES));
  float result = lane_max(larger(larger(largest[0], largest[1]), larger(largest[2], largest[3])));
  for (; i < count; i++)
    if (x[i] > result) result = x[i];
  return result;
}

// The columns behind the last whole vector, as one vector: what is missing has no share.
static void load_tail(const float *x, size_t count, float *tail) {
  for (size_t i = 0; i < LANES; i++) tail[i] = i < count ? x[i] : -FLT_MAX;
}

DENSE_INLINE void dense_row(const struct head_loss_chunk *chunk, size_t row, const int power) {
  const size_t vocabulary = chunk->vocabulary, whole = vocabulary / LANES * LANES;
  const size_t rest = vocabulary - whole;
  float *z = chunk->logits + row * vocabulary, *u = chunk->teacher_logits + row * vocabulary;
  const size_t target = (size_t)chunk->targets[row];
  const double target_logit = z[target], temperature = chunk->temperature;
  const dense_row_shape shape = {
      .largest_logit = largest_of_row(z, vocabulary),
      .largest_teacher_logit = largest_of_row(u, vocabulary),
      .inverse_temperature = 1.0f / chunk->temperature,
      .is_reverse = chunk->divergence == HEAD_LOSS_REVERSE_KL,
  };
  float tail[LANES], teacher_tail[LANES];
  load_tail(z + whole, rest, tail);
  load_tail(u + whole, rest, teacher_tail);
  dense_row_sums sums = {0};
  dense_sums(&shape, z, u, whole, power, &sums);
  if (rest > 0) dense_sums(&shape, tail, teacher_tail, LANES, power, &sums);

  // log of the sums' quotient: what log p - log q differs by from (z - u) / t.
  const double quotient = log(sums.p) - log(sums.q);
  const double divergence = shape.is_reverse ? sums.crossed / temperature / sums.p - quotient
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
  double square = dense_gradient(&shape, &factors, z, u, whole, power);
  if (rest > 0) {
    square += dense_gradient(&shape, &factors, tail, teacher_tail, LANES, power);
    memcpy(z + whole, tail, rest * sizeof(float));
  }
  z[target] -= chunk->cross_entropy_weights[row];
  chunk->divergence_gradient_squares[row] = square;
}

static void dense_rows(const struct head_loss_chunk *chunk, size_t first, size_t last) {
  if (chunk->divergence == HEAD_LOSS_JENSEN_SHANNON)
    return head_loss_dense_rows_reference(chunk, first, last);
  const float temperature = chunk->temperature;
  for (size_t row = first; row < last; row++) {
    if (temperature == 1) dense_row(chunk, row, 1);
    else if (temperature == 2) dense_row(chunk, row, 2);
    else if (temperature == 4) dense_row(chunk, row, 4);
    else if (temperature == 5) dense_row(chunk, row, 5);
    else dense_row(chunk, row, 0);
  }
}
