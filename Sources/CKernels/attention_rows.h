// The rows of causal attention between its products, and what the mask leaves of those products;
// shared by the fp32 and the bf16 form. Included after transformer_vector.h.

// What the causal mask leaves of a product whose query rows begin at position `first`.
typedef enum {
  SCORES,     // c[query, key]: only keys up to the query's position are asked for
  BY_QUERY,   // c[query, :] sums over keys: up to the query's position
  BY_KEY,     // c[key, :] sums over queries: from the key's position on
  EVERYTHING, // there is no mask
} causal_part;

// -1 in the lanes whose key position, first + lane, is at most `last`.
static inline vint visible(size_t first, size_t last) {
  vint lanes;
  for (int i = 0; i < LANES; i++)
    lanes[i] = i;
  return lanes <= (int32_t)last - (int32_t)first;
}

// scores[key] becomes e^(scale * score - maximum) for keys 0 ... position, and 0 in the rest of
// `keys`. Gives the sum, and the maximum in *maximum.
static float softmax_row(float *scores, size_t position, size_t keys, float scale,
                         float *maximum) {
  vfloat largest = splat(-INFINITY);
  for (size_t j = 0; j <= position; j += LANES)
    largest = larger(largest, blend(visible(j, position), load(scores + j), splat(-INFINITY)));
  *maximum = lane_max(largest) * scale;
  vfloat sums = {0};
  size_t j = 0;
  for (; j <= position; j += LANES) {
    vfloat p = exponential(load(scores + j) * scale - *maximum);
    p = blend(visible(j, position), p, (vfloat){0});
    store(scores + j, p);
    sums += p;
  }
  for (; j < keys; j += LANES)
    store(scores + j, (vfloat){0});
  return lane_sum(sums);
}
