#include "codes_avx512.h"
#include "packed_kernels.h"

// vpermi2b is all that is needed beyond the other kernels' instructions.
#define TARGET_VBMI                                                                            \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,"      \
                          "avx512bf16,avx512vbmi"),                                            \
                   min_vector_width(512)))

// One panel at a time. For few tokens its groups are unpacked in registers, each once. For many they
// are unpacked once for a block of tokens, some groups at a time, to where the first-level cache
// keeps them: multiplying is then all that the vector units do.
enum { VECTORS = PACKED_PANEL_ROWS / 16, GROUP = PACKED_GROUP_BYTES };
// 20 accumulators, five functions of the digits and what unpacks them.
enum { FEW_TOKENS = 4 };
// 25 accumulators, five vectors of digits and one broadcast of four codes.
enum { TILE_TOKENS = 5 };
// 20 KiB of unpacked digits.
enum { CHUNK_GROUPS = 64 };
// Codes of a block of tokens stay in the second-level cache while all panels pass by.
enum { BLOCK_CODES = 1 << 19, BLOCK_TOKENS_MAX = 190 };
// Unpacking fills the queue of what waits for a load, so that few loads are on their way without
// help. Lines come nearer in three steps, the first of them beyond the page where the hardware ends its
// streams. Of what plain reading gives, an Intel core (model 207) reads 47 % without this, 80 % with
// one step, 90 % with two and 94 % with three.
enum { FAR_BYTES = 16384, MIDDLE_BYTES = 6144, NEAR_BYTES = 1024 };

// Four digits of a number below 81, two bits each. vpermi2b takes 7 bits of an index.
#define FOUR(a, b, c, d) ((a) | (b) << 2 | (c) << 4 | (d) << 6)
#define ROW3(b, c, d) FOUR(0, b, c, d), FOUR(1, b, c, d), FOUR(2, b, c, d)
#define ROW9(c, d) ROW3(0, c, d), ROW3(1, c, d), ROW3(2, c, d)
#define ROW27(d) ROW9(0, d), ROW9(1, d), ROW9(2, d)
static const uint8_t four_digits[128] __attribute__((aligned(64))) = {ROW27(0), ROW27(1),
                                                                      ROW27(2)};

#define INLINE_KERNEL TARGET_VBMI static inline __attribute__((always_inline))

// A number without its fifth digit, and of the rest each digit in two bits.
typedef struct {
    __m512i rest, four;
} first_digits;

INLINE_KERNEL first_digits unpack(__m512i packed, __m512i low, __m512i high) {
    const __m512i top = _mm512_set1_epi8(81);
    // Below 81 the difference wraps around and is the larger one.
    __m512i rest = _mm512_min_epu8(packed, _mm512_sub_epi8(packed, top));
    rest = _mm512_min_epu8(rest, _mm512_sub_epi8(rest, top));
    return (first_digits){rest, _mm512_permutex2var_epi8(low, rest, high)};
}

INLINE_KERNEL __m512i bits(__m512i bytes, int mask) {
    return _mm512_and_si512(bytes, _mm512_set1_epi8((char)mask));
}

// Sums of codes times digits, of each of the panel's five sixteens of rows.
typedef struct {
    __m512i of[VECTORS];
} digit_sums;

// y[row] = (sum - code_sum) * factor for one token and the panel's rows below `width`.
INLINE_KERNEL void store_sums(digit_sums sums, int32_t code_sum, float factor, float *y,
                              size_t width) {
    for (int v = 0; v < VECTORS && (size_t)v * 16 < width; v++) {
        __m512i sum = _mm512_sub_epi32(sums.of[v], _mm512_set1_epi32(code_sum));
        size_t rest = width - (size_t)v * 16;
        __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
        _mm512_mask_storeu_ps(y + v * 16, mask,
                              _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_set1_ps(factor)));
    }
}

// The last codes of a row whose columns are no multiple of four.
INLINE_KERNEL __m512i last_codes(const int8_t *codes, size_t columns) {
    int8_t tail[4] = {0};
    memcpy(tail, codes + columns / 4 * 4, columns % 4);
    return four_codes(tail);
}

// Digits d0 ... d4 are not taken apart for every group, but their sums once at the end. What is
// summed is what unpacking gives anyway: the number itself, its rest d0 + 3 d1 + 9 d2 + 27 d3, the
// digits in two bits each, d0 + 4 d1 + 16 d2 + 64 d3, and of these d0 and 4 d1. Sums are modulo 2^32.
INLINE_KERNEL digit_sums digits_of_functions(const __m512i s[VECTORS]) {
    const __m512i inverse_of_9 = _mm512_set1_epi32(954437177);
    const __m512i inverse_of_81 = _mm512_set1_epi32(2014922929);
    digit_sums d;
    d.of[0] = s[3];
    d.of[1] = _mm512_srai_epi32(s[4], 2);
    __m512i three = _mm512_add_epi32(d.of[1], _mm512_add_epi32(d.of[1], d.of[1]));
    // d2 + 3 d3, and 16 d2 + 64 d3.
    __m512i a = _mm512_sub_epi32(s[1], _mm512_add_epi32(d.of[0], three));
    a = _mm512_mullo_epi32(a, inverse_of_9);
    __m512i b = _mm512_sub_epi32(s[2], _mm512_add_epi32(d.of[0], s[4]));
    d.of[3] = _mm512_srai_epi32(_mm512_sub_epi32(b, _mm512_slli_epi32(a, 4)), 4);
    three = _mm512_add_epi32(d.of[3], _mm512_add_epi32(d.of[3], d.of[3]));
    d.of[2] = _mm512_sub_epi32(a, three);
    d.of[4] = _mm512_mullo_epi32(_mm512_sub_epi32(s[0], s[1]), inverse_of_81);
    return d;
}

INLINE_KERNEL void few_tokens(const int tokens, const int8_t *codes, size_t columns,
                              const uint8_t *panel, const float *factors,
                              const int32_t *code_sums, float *y, size_t y_stride,
                              size_t width) {
    __m512i sums[FEW_TOKENS][VECTORS];
    const __m512i low = _mm512_load_si512(four_digits);
    const __m512i high = _mm512_load_si512(four_digits + 64);
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm512_setzero_si512();
// FOUR: the four codes of token t.
#define ADD_GROUP(NUMBER, FOUR)                                                                \
    do {                                                                                       \
        __m512i packed = _mm512_load_si512(panel + (NUMBER)*GROUP);                            \
        first_digits first = unpack(packed, low, high);                                        \
        const __m512i functions[VECTORS] = {packed, first.rest, first.four,                    \
                                            bits(first.four, 3), bits(first.four, 12)};        \
        for (int t = 0; t < tokens; t++) {                                                     \
            __m512i four = (FOUR);                                                             \
            for (int v = 0; v < VECTORS; v++)                                                  \
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], functions[v], four);              \
        }                                                                                      \
    } while (0)
    size_t whole = columns / 4;
    for (size_t g = 0; g < whole; g++) {
        _mm_prefetch(panel + g * GROUP + FAR_BYTES, _MM_HINT_T2);
        _mm_prefetch(panel + g * GROUP + MIDDLE_BYTES, _MM_HINT_T1);
        _mm_prefetch(panel + g * GROUP + NEAR_BYTES, _MM_HINT_T0);
        ADD_GROUP(g, four_codes(codes + (size_t)t * columns + g * 4));
    }
    if (columns % 4 != 0) ADD_GROUP(whole, last_codes(codes + (size_t)t * columns, columns));
#undef ADD_GROUP
    for (int t = 0; t < tokens; t++)
        store_sums(digits_of_functions(sums[t]), code_sums[t], factors[t],
                   y + (size_t)t * y_stride, width);
}

// Groups of a panel, each as its five vectors of digits.
typedef struct {
    __m512i digits[CHUNK_GROUPS][VECTORS];
} chunk;

TARGET_VBMI static void unpack_chunk(const uint8_t *panel, size_t groups, chunk *to) {
    const __m512i low = _mm512_load_si512(four_digits);
    const __m512i high = _mm512_load_si512(four_digits + 64);
    for (size_t g = 0; g < groups; g++) {
        __m512i packed = _mm512_load_si512(panel + g * GROUP);
        first_digits first = unpack(packed, low, high);
        // The digits stay where they stand, and the sums are divided once at the end.
        for (int v = 0; v < 4; v++) to->digits[g][v] = bits(first.four, 3 << (2 * v));
        to->digits[g][4] = _mm512_sub_epi8(packed, first.rest);
    }
}

// ahead, step: lines that are fetched meanwhile; a step of 0 fetches the same one, which costs nothing.
INLINE_KERNEL void tile(const int tokens, const int8_t *codes, size_t columns, const chunk *part,
                        size_t groups, int is_first, const uint8_t *ahead, size_t step,
                        digit_sums *totals) {
    __m512i sums[TILE_TOKENS][VECTORS];
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++)
            sums[t][v] = is_first ? _mm512_setzero_si512() : totals[t].of[v];
    for (size_t g = 0; g < groups; g++, ahead += step) {
        _mm_prefetch(ahead, _MM_HINT_T1);
        __m512i digits[VECTORS];
        for (int v = 0; v < VECTORS; v++) digits[v] = part->digits[g][v];
        for (int t = 0; t < tokens; t++) {
            __m512i four = four_codes(codes + (size_t)t * columns + g * 4);
            for (int v = 0; v < VECTORS; v++)
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], digits[v], four);
        }
    }
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) totals[t].of[v] = sums[t][v];
}

// All tokens of a block by one panel.
TARGET_VBMI static void many_tokens(const int8_t *codes, size_t count, size_t columns,
                                    const uint8_t *panel, const float *factors,
                                    const int32_t *code_sums, float *y, size_t y_stride,
                                    size_t width) {
    digit_sums totals[BLOCK_TOKENS_MAX];
    chunk part;
    size_t whole = columns / 4;
    for (size_t first = 0; first < whole; first += CHUNK_GROUPS) {
        size_t groups = whole - first < CHUNK_GROUPS ? whole - first : CHUNK_GROUPS;
        unpack_chunk(panel + first * GROUP, groups, &part);
        // What is unpacked next, also of the next panel.
        const uint8_t *ahead = panel + (first + groups) * GROUP;
        for (size_t t = 0; t < count; t += TILE_TOKENS) {
            const int8_t *at = codes + t * columns + first * 4;
            size_t step = t == 0 ? GROUP : 0;
#define TILE(TOKENS)                                                                           \
    tile(TOKENS, at, columns, &part, groups, first == 0, ahead, step, totals + t)
            switch (count - t) {
            case 1: TILE(1); break;
            case 2: TILE(2); break;
            case 3: TILE(3); break;
            case 4: TILE(4); break;
            default: TILE(TILE_TOKENS); break;
            }
#undef TILE
        }
    }
    if (whole == 0) memset(totals, 0, count * sizeof(digit_sums));
    if (columns % 4 != 0) unpack_chunk(panel + whole * GROUP, 1, &part);
    const __m512i inverse_of_81 = _mm512_set1_epi32(2014922929);
    for (size_t t = 0; t < count; t++) {
        digit_sums sums = totals[t];
        if (columns % 4 != 0) {
            __m512i four = last_codes(codes + t * columns, columns);
            for (int v = 0; v < VECTORS; v++)
                sums.of[v] = _mm512_dpbusd_epi32(sums.of[v], part.digits[0][v], four);
        }
        for (int v = 1; v < 4; v++)
            sums.of[v] = _mm512_srai_epi32(sums.of[v], (unsigned)(2 * v));
        sums.of[4] = _mm512_mullo_epi32(sums.of[4], inverse_of_81);
        store_sums(sums, code_sums[t], factors[t], y + t * y_stride, width);
    }
}

TARGET_VBMI void packed_product_avx512(const int8_t *codes, const float *code_scales, size_t m,
                                       size_t columns, const uint8_t *packed, float scale,
                                       size_t rows, size_t first_panel, size_t last_panel,
                                       float *y) {
    size_t panel_bytes = (columns + 3) / 4 * GROUP;
    size_t block = BLOCK_CODES / columns / TILE_TOKENS * TILE_TOKENS;
    block = block < TILE_TOKENS ? TILE_TOKENS : block > BLOCK_TOKENS_MAX ? BLOCK_TOKENS_MAX : block;
    for (size_t first = 0; first < m; first += block) {
        size_t count = m - first < block ? m - first : block;
        int32_t code_sums[BLOCK_TOKENS_MAX];
        float factors[BLOCK_TOKENS_MAX];
        for (size_t t = 0; t < count; t++) {
            code_sums[t] = sum_of_codes(codes + (first + t) * columns, columns);
            factors[t] = scale / code_scales[first + t];
        }
        const int8_t *at = codes + first * columns;
        for (size_t p = first_panel; p < last_panel; p++) {
            const uint8_t *panel = packed + p * panel_bytes;
            size_t row = p * PACKED_PANEL_ROWS;
            size_t width = rows - row < PACKED_PANEL_ROWS ? rows - row : PACKED_PANEL_ROWS;
            float *to = y + first * rows + row;
#define FEW(TOKENS)                                                                            \
    few_tokens(TOKENS, at, columns, panel, factors, code_sums, to, rows, width)
            switch (count) {
            case 1: FEW(1); break;
            case 2: FEW(2); break;
            case 3: FEW(3); break;
            case 4: FEW(4); break;
            default:
                many_tokens(at, count, columns, panel, factors, code_sums, to, rows, width);
            }
#undef FEW
        }
    }
}
