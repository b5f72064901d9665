#include "codes_avx512.h"
#include "packed_kernels.h"

// vpermi2b is all that is needed beyond the other kernels' instructions.
#define TARGET_VBMI                                                                            \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,"      \
                          "avx512bf16,avx512vbmi"),                                            \
                   min_vector_width(512)))

// A tile is four tokens by one panel: 20 accumulators. What unpacks a group runs beside the
// multiplications, on the ports that they leave free.
enum { TILE_TOKENS = 4, VECTORS = PACKED_PANEL_ROWS / 16, GROUP = PACKED_GROUP_BYTES };
// Codes of a block of tokens stay in the second-level cache while all panels pass by.
enum { BLOCK_CODES = 1 << 19, BLOCK_TOKENS_MAX = 192 };
// The hardware stops its streams at pages; this far ahead the next lines are on their way.
enum { AHEAD_BYTES = 4096 };

// Four digits of a number below 81, two bits each. vpermi2b takes 7 bits of an index.
#define FOUR(a, b, c, d) ((a) | (b) << 2 | (c) << 4 | (d) << 6)
#define ROW3(b, c, d) FOUR(0, b, c, d), FOUR(1, b, c, d), FOUR(2, b, c, d)
#define ROW9(c, d) ROW3(0, c, d), ROW3(1, c, d), ROW3(2, c, d)
#define ROW27(d) ROW9(0, d), ROW9(1, d), ROW9(2, d)
static const uint8_t four_digits[128] __attribute__((aligned(64))) = {ROW27(0), ROW27(1),
                                                                      ROW27(2)};

// A number's digits times 1, 4, 16, 64 and 81: what stands where it stands needs no shift, and the
// sums are divided once at the end.
typedef struct {
    __m512i digits[VECTORS];
} unpacked;

TARGET_VBMI static inline __attribute__((always_inline)) unpacked unpack(__m512i packed,
                                                                         __m512i low,
                                                                         __m512i high) {
    const __m512i top = _mm512_set1_epi8(81);
    // Below 81 the difference wraps around and is the larger one.
    __m512i rest = _mm512_min_epu8(packed, _mm512_sub_epi8(packed, top));
    rest = _mm512_min_epu8(rest, _mm512_sub_epi8(rest, top));
    __m512i four = _mm512_permutex2var_epi8(low, rest, high);
    unpacked result;
    for (int v = 0; v < 4; v++)
        result.digits[v] = _mm512_and_si512(four, _mm512_set1_epi8((char)(3 << (2 * v))));
    result.digits[4] = _mm512_sub_epi8(packed, rest);
    return result;
}

TARGET_VBMI static inline __attribute__((always_inline)) void tile(
    const int tokens, const int8_t *codes, size_t columns, const uint8_t *panel,
    const float *factors, const int32_t *code_sums, float *y, size_t y_stride, size_t width) {
    __m512i sums[TILE_TOKENS][VECTORS];
    const __m512i low = _mm512_load_si512(four_digits);
    const __m512i high = _mm512_load_si512(four_digits + 64);
    for (int t = 0; t < tokens; t++)
        for (int v = 0; v < VECTORS; v++) sums[t][v] = _mm512_setzero_si512();
    size_t whole = columns / 4;
    for (size_t g = 0; g < whole; g++) {
        _mm_prefetch(panel + g * GROUP + AHEAD_BYTES, _MM_HINT_T0);
        unpacked trits = unpack(_mm512_load_si512(panel + g * GROUP), low, high);
        for (int t = 0; t < tokens; t++) {
            __m512i four = four_codes(codes + (size_t)t * columns + g * 4);
            for (int v = 0; v < VECTORS; v++)
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], trits.digits[v], four);
        }
    }
    if (columns % 4 != 0) {
        unpacked trits = unpack(_mm512_load_si512(panel + whole * GROUP), low, high);
        for (int t = 0; t < tokens; t++) {
            int8_t tail[4] = {0};
            memcpy(tail, codes + (size_t)t * columns + whole * 4, columns % 4);
            __m512i four = four_codes(tail);
            for (int v = 0; v < VECTORS; v++)
                sums[t][v] = _mm512_dpbusd_epi32(sums[t][v], trits.digits[v], four);
        }
    }
    // The inverse of 81 modulo 2^32.
    const __m512i inverse = _mm512_set1_epi32(2014922929);
    for (int t = 0; t < tokens; t++) {
        __m512 factor = _mm512_set1_ps(factors[t]);
        __m512i code_sum = _mm512_set1_epi32(code_sums[t]);
        for (int v = 0; v < VECTORS && (size_t)v * 16 < width; v++) {
            __m512i sum = v == 4 ? _mm512_mullo_epi32(sums[t][v], inverse)
                                 : _mm512_srai_epi32(sums[t][v], (unsigned)(2 * v));
            sum = _mm512_sub_epi32(sum, code_sum);
            size_t rest = width - (size_t)v * 16;
            __mmask16 mask = rest >= 16 ? 0xFFFF : (__mmask16)((1u << rest) - 1);
            _mm512_mask_storeu_ps(y + (size_t)t * y_stride + v * 16, mask,
                                  _mm512_mul_ps(_mm512_cvtepi32_ps(sum), factor));
        }
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
        for (size_t p = first_panel; p < last_panel; p++) {
            const uint8_t *panel = packed + p * panel_bytes;
            size_t row = p * PACKED_PANEL_ROWS;
            size_t width = rows - row < PACKED_PANEL_ROWS ? rows - row : PACKED_PANEL_ROWS;
            for (size_t t = 0; t < count; t += TILE_TOKENS) {
                const int8_t *at = codes + (first + t) * columns;
                const float *f = factors + t;
                const int32_t *s = code_sums + t;
                float *to = y + (first + t) * rows + row;
                switch (count - t) {
                case 1: tile(1, at, columns, panel, f, s, to, rows, width); break;
                case 2: tile(2, at, columns, panel, f, s, to, rows, width); break;
                case 3: tile(3, at, columns, panel, f, s, to, rows, width); break;
                default: tile(4, at, columns, panel, f, s, to, rows, width); break;
                }
            }
        }
    }
}
