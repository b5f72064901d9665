// What sampling does with a row of logits, for the LANES and the target of the including file.

// Logits below this are as good as impossible; kept finite so that sums with them stay so.
#define IMPOSSIBLE_LOGIT (-1e30f)

static void mask_logits(const uint64_t *allowed, size_t count, float *logits) {
    for (size_t i = 0; i < count; i++)
        if (!(allowed[i / 64] >> (i % 64) & 1)) logits[i] = IMPOSSIBLE_LOGIT;
}

static double exponential_weights(const float *logits, size_t count, float largest,
                                  float *weights) {
    // Partial sums are floats over at most this many terms a lane, then doubles.
    enum { TERMS_PER_LANE = 64 };
    double sum = 0;
    size_t i = 0;
    while (i + LANES <= count) {
        size_t end = i + TERMS_PER_LANE * LANES;
        vfloat part = splat(0);
        for (; i + LANES <= count && i < end; i += LANES) {
            vfloat x = load(logits + i) - largest;
            vfloat weight = blend(x < -80.0f, splat(0), exponential(x));
            store(weights + i, weight);
            part += weight;
        }
        sum += lane_sum(part);
    }
    for (; i < count; i++) {
        float x = logits[i] - largest;
        weights[i] = x < -80.0f ? 0 : expf(x);
        sum += weights[i];
    }
    return sum;
}
