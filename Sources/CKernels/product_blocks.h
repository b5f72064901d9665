// The blocking that all precisions share. Included by product_fp32_avx512.c, product_bf16_avx512.c,
// product_int16_avx512.c and product_int16_floats_avx512.c, which define
//   WORD_DEPTH                       k per word, 1 or 2
//   multiply_add(sum, left, right)   one word of every lane
//   sum_as_floats(sum)               the sums of STEP_WORDS words, in units of their steps
//   STEP_WORDS                       words that are summed before they are added to y
//   LEFT_HAS_STEPS, RIGHT_HAS_STEPS  1 when operands are integers, of which each row (column) has a
//                                    step for every STEP_WORDS words: the float that 1 is worth
//   LEFT_ROWS_AS_THEY_ARE            1 when rows of floats already are rows of words
//   RIGHT_FLOATS, RIGHT_INTEGERS     1 when floats and bf16 (codes and trits) can be on the right
//   pack_left_rows, pack_left_columns; pack_right_rows, pack_right_columns and pack_right_bf16 for
//   RIGHT_FLOATS; pack_right_codes and store_trits for RIGHT_INTEGERS
//
// Packed left:        [rows][left_stride(words)], the steps at the end of a row
// Packed right panel: [words][64], after every STEP_WORDS words the steps, [64]
//
// The shared operand of a block is packed already. The other one is packed here, by blocks of 96
// rows or by panels of 64 columns, so that it (192 and 128 KiB) stays in the second-level cache
// while the shared one passes by, six rows and a panel at a time. While one block is multiplied,
// the lines that the next one will be packed from (up to 384 KiB) are fetched.
#ifndef CKERNELS_PRODUCT_BLOCKS_H
#define CKERNELS_PRODUCT_BLOCKS_H

#include "instruction_sets.h"
#include "product_kernels.h"
#include "ternary_kernels.h"
#include "transpose_words.h"

#include <immintrin.h>

#define KERNEL TARGET_AVX512 static
#define INLINE_KERNEL TARGET_AVX512 static inline __attribute__((always_inline))

enum {
    PANEL = PRODUCT_PANEL_COLUMNS,
    VECTORS = PRODUCT_PANEL_COLUMNS / 16,
    ROWS_AHEAD = 8, // rows of a panel are a few lines each, too far apart for the CPU to foresee
};

// Words from one packed row to the next: an odd number of cache lines, so that rows do not meet in
// the same sets.
INLINE_KERNEL size_t left_stride(size_t words) {
    return (((words + 15) / 16 + LEFT_HAS_STEPS) | 1) * 16;
}

// Where the steps of a packed row are: in its last line, which holds no words.
INLINE_KERNEL size_t left_steps(size_t stride) { return stride - PRODUCT_BLOCK_WORDS / STEP_WORDS; }

// Rows of a packed panel.
INLINE_KERNEL size_t panel_rows(size_t words) {
    return words + (words + STEP_WORDS - 1) / STEP_WORDS * RIGHT_HAS_STEPS;
}

INLINE_KERNEL size_t at_most(size_t count, size_t limit) { return count < limit ? count : limit; }

INLINE_KERNEL __mmask16 first_lanes(size_t count) {
    return count >= 16 ? 0xFFFF : (__mmask16)((1u << count) - 1);
}

// Sixteen rows (k) by sixteen columns of packed trits, as bytes trit + 1: bytes[k][column].
INLINE_KERNEL void trit_square(const uint8_t *groups, size_t group_count, uint8_t bytes[16][16]) {
    __m512i g[4];
    for (size_t i = 0; i < 4; i++)
        g[i] = i < group_count ? _mm512_load_si512(groups + i * 256) : _mm512_set1_epi8(1);
    __m512i low01 = _mm512_unpacklo_epi32(g[0], g[1]), high01 = _mm512_unpackhi_epi32(g[0], g[1]);
    __m512i low23 = _mm512_unpacklo_epi32(g[2], g[3]), high23 = _mm512_unpackhi_epi32(g[2], g[3]);
    __m512i rows[4] = {
        _mm512_unpacklo_epi64(low01, low23), _mm512_unpackhi_epi64(low01, low23),
        _mm512_unpacklo_epi64(high01, high23), _mm512_unpackhi_epi64(high01, high23)};
    // Lane l of rows[i] is row 4 l + i.
    for (int i = 0; i < 4; i++) {
        _mm_store_si128((__m128i *)bytes[i], _mm512_extracti32x4_epi32(rows[i], 0));
        _mm_store_si128((__m128i *)bytes[4 + i], _mm512_extracti32x4_epi32(rows[i], 1));
        _mm_store_si128((__m128i *)bytes[8 + i], _mm512_extracti32x4_epi32(rows[i], 2));
        _mm_store_si128((__m128i *)bytes[12 + i], _mm512_extracti32x4_epi32(rows[i], 3));
    }
}

INLINE_KERNEL __m512 multiply_add(__m512 sum, __m512i left, __m512i right);
INLINE_KERNEL __m512 sum_as_floats(__m512 sum);

// What a later block will be packed from: rows of whole cache lines, `left` lines in all.
typedef struct {
    const char *line, *row_end;
    size_t gap, stride, left;
} lines_ahead;

INLINE_KERNEL lines_ahead lines_of(const void *first, size_t stride, size_t row_bytes,
                                   size_t rows) {
    const char *line = (const char *)((uintptr_t)first & ~(uintptr_t)63);
    size_t bytes = (row_bytes + 63) & ~(size_t)63;
    return (lines_ahead){line, line + bytes, stride - bytes, stride, bytes / 64 * rows};
}

// Fetches one line. No branch: in the inner loop it would cost registers.
INLINE_KERNEL void fetch_line(lines_ahead *ahead, size_t step) {
    _mm_prefetch(ahead->line, _MM_HINT_T1);
    ahead->line += step;
    uintptr_t at_end = -(uintptr_t)(ahead->line == ahead->row_end);
    ahead->line += at_end & ahead->gap;
    ahead->row_end += at_end & ahead->stride;
}

// Where a tile's result goes.
typedef struct {
    float *y;
    size_t stride, width;
    float scale;
    int accumulate;
    double *squares; // of the first row, and from one row's to the next's; or NULL
    size_t squares_stride;
} tile_output;

// sums [rows] += left . panel over so many words; step: bytes from one line ahead to the next.
INLINE_KERNEL void multiply_words(const int rows, __m512 sums[][VECTORS], const uint32_t *left,
                                  size_t left_stride, const uint32_t *panel, size_t words,
                                  lines_ahead *ahead, size_t step) {
    lines_ahead lines = *ahead;
    // Two pointers and a stride name six rows.
    const uint32_t *upper = left + 3 * left_stride;
    for (size_t w = 0; w < words; w++, panel += PANEL) {
        __m512i right[VECTORS];
        for (int v = 0; v < VECTORS; v++) right[v] = _mm512_load_si512(panel + 16 * v);
        for (int r = 0; r < rows; r++) {
            const uint32_t *row =
                r < 3 ? left + (size_t)r * left_stride : upper + (size_t)(r - 3) * left_stride;
            __m512i one = _mm512_set1_epi32((int32_t)row[w]);
            for (int v = 0; v < VECTORS; v++) sums[r][v] = multiply_add(sums[r][v], one, right[v]);
        }
        fetch_line(&lines, step);
    }
    *ahead = lines;
}

INLINE_KERNEL void add_squares(__m512 squares, double *sums) {
    __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(squares));
    __m512d high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(squares, 1));
    __m512d both = _mm512_add_pd(low, high);
    _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), both));
}

// column_steps: [64], for RIGHT_HAS_STEPS.
INLINE_KERNEL void add_to_y(const int rows, __m512 sums[][VECTORS], const float *row_steps,
                            size_t left_stride, const float *column_steps, tile_output out) {
    for (int r = 0; r < rows; r++) {
        float row_step = LEFT_HAS_STEPS ? row_steps[(size_t)r * left_stride] : 1;
        __m512 factor = _mm512_set1_ps(row_step * out.scale), squares = _mm512_setzero_ps();
        for (int v = 0; v < VECTORS; v++) {
            if ((size_t)v * 16 >= out.width) break;
            __mmask16 mask = first_lanes(out.width - (size_t)v * 16);
            float *to = out.y + (size_t)r * out.stride + v * 16;
            __m512 each = factor;
            if (RIGHT_HAS_STEPS) each = _mm512_mul_ps(factor, _mm512_load_ps(column_steps + 16 * v));
            __m512 value = _mm512_mul_ps(sum_as_floats(sums[r][v]), each);
            if (out.accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, to), value);
            _mm512_mask_storeu_ps(to, mask, value);
            if (out.squares) squares = _mm512_mask3_fmadd_ps(value, value, squares, mask);
        }
        if (out.squares) add_squares(squares, out.squares + (size_t)r * out.squares_stride);
    }
}

INLINE_KERNEL void tile(const int rows, const uint32_t *left, size_t left_stride,
                        const uint32_t *panel, size_t words, tile_output out,
                        lines_ahead *ahead) {
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < VECTORS; v++)
            __builtin_prefetch(out.y + (size_t)r * out.stride + v * 16, 1);
    // Too few lines left: the same one again, which costs nothing.
    lines_ahead lines = {.line = (const char *)panel};
    size_t step = 0;
    if (ahead->left > words) {
        ahead->left -= words;
        lines = *ahead;
        step = 64;
    }
    const float *row_steps = (const float *)left + left_steps(left_stride);
    size_t count = words;
    do {
        size_t part = STEP_WORDS < PRODUCT_BLOCK_WORDS ? at_most(count, STEP_WORDS) : count;
        __m512 sums[PRODUCT_TILE_ROWS][VECTORS];
        for (int r = 0; r < rows; r++)
            for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_setzero_ps();
        multiply_words(rows, sums, left, left_stride, panel, part, &lines, step);
        left += part;
        panel += part * PANEL;
        tile_output to = out;
        if (count > part) to.squares = NULL;
        add_to_y(rows, sums, row_steps++, left_stride, (const float *)panel, to);
        panel += RIGHT_HAS_STEPS * PANEL;
        out.accumulate = 1;
        count -= part;
    } while (STEP_WORDS < PRODUCT_BLOCK_WORDS && count > 0);
    if (step) *ahead = lines;
}

KERNEL void tiles(size_t row_count, const uint32_t *left, size_t left_stride,
                  const uint32_t *panel, size_t words, tile_output out, lines_ahead *ahead) {
    for (size_t r = 0; r < row_count; r += PRODUCT_TILE_ROWS) {
#define TILE(ROWS) tile(ROWS, left, left_stride, panel, words, out, ahead)
        switch (row_count - r) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        case 4: TILE(4); break;
        case 5: TILE(5); break;
        default: TILE(6); break;
        }
#undef TILE
        left += PRODUCT_TILE_ROWS * left_stride;
        out.y += PRODUCT_TILE_ROWS * out.stride;
        if (out.squares) out.squares += PRODUCT_TILE_ROWS * out.squares_stride;
    }
}

// What is added to the integers of a part of left before they are rounded: at its first row and k, and
// from one row or k to the next; all 0 when it is rounded to the nearest.
typedef struct {
    uint32_t first, to_row, to_k;
} dither;

// Rows and k of left that are packed at once.
typedef struct {
    const float *floats;   // the first
    size_t stride;         // as in product_operands
    const float *inverses; // [depth], what each k of columns is multiplied by; or NULL
    size_t row_count, depth;
    dither dither;
} left_part;

KERNEL void pack_left_rows(left_part left, uint32_t *packed, size_t packed_stride);
KERNEL void pack_left_columns(left_part left, uint32_t *packed, size_t packed_stride);
#if RIGHT_FLOATS
KERNEL void pack_right_rows(const float *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel);
KERNEL void pack_right_columns(const float *rows, size_t stride, size_t width, size_t depth,
                               uint32_t *panel);
KERNEL void pack_right_bf16(const uint16_t *rows, size_t stride, size_t width, size_t depth,
                            uint32_t *panel);
#endif
#if RIGHT_INTEGERS
KERNEL void pack_right_codes(const int8_t *rows, size_t stride, size_t width, size_t depth,
                             uint32_t *panel);
// The words of sixteen rows by sixteen columns of trit + 1, `words` rows of words at most.
INLINE_KERNEL void store_trits(uint8_t bytes[16][16], size_t words, uint32_t *panel);

KERNEL void pack_right_trits(const uint8_t *packed, size_t groups, size_t first_k,
                             size_t first_column, size_t depth, uint32_t *panel) {
    size_t words = (depth + WORD_DEPTH - 1) / WORD_DEPTH;
    for (size_t v = 0; v < VECTORS; v++) {
        size_t group = first_column / 4 + v * 4;
        size_t group_count = group < groups ? groups - group : 0;
        for (size_t k = 0; k < depth; k += 16) {
            size_t row = first_k + k, word = k / WORD_DEPTH;
            const uint8_t *at = packed + (row / 64 * groups + group) * 256 + row % 64 * 4;
            _Alignas(64) uint8_t bytes[16][16];
            trit_square(at, group_count, bytes);
            store_trits(bytes, words - word, panel + word * PANEL + v * 16);
        }
    }
}
#endif

KERNEL void pack_left(const product_operands *o, size_t first_row, size_t row_count,
                      size_t first_k, size_t depth, uint32_t *packed) {
    size_t stride = left_stride((depth + WORD_DEPTH - 1) / WORD_DEPTH);
    left_part part = {.stride = o->left_stride, .row_count = row_count, .depth = depth};
    if (o->left_is_dithered) {
        uint32_t row = o->left_first_row + (uint32_t)first_row, k = (uint32_t)first_k;
        part.dither = (dither){row * PRODUCT_DITHER_ROW + k * PRODUCT_DITHER_K,
                               PRODUCT_DITHER_ROW, PRODUCT_DITHER_K};
    }
    if (o->left_kind == PRODUCT_LEFT_ROWS) {
        part.floats = o->left + first_row * o->left_stride + first_k;
        pack_left_rows(part, packed, stride);
        return;
    }
    float inverses[PRODUCT_BLOCK_WORDS * WORD_DEPTH];
    if (o->left_divisors) {
        for (size_t k = 0; k < depth; k++) inverses[k] = 1.0f / o->left_divisors[first_k + k];
        part.inverses = inverses;
    }
    part.floats = o->left + first_k * o->left_stride + first_row;
    pack_left_columns(part, packed, stride);
}

KERNEL void pack_right(const product_operands *o, size_t first_column, size_t width,
                       size_t first_k, size_t depth, uint32_t *panel) {
    switch (o->right_kind) {
#if RIGHT_FLOATS
    case PRODUCT_RIGHT_ROWS:
        pack_right_rows((const float *)o->right + first_k * o->right_stride + first_column, o->right_stride, width,
                        depth, panel);
        break;
    case PRODUCT_RIGHT_COLUMNS:
        pack_right_columns((const float *)o->right + first_column * o->right_stride + first_k,
                           o->right_stride, width, depth, panel);
        break;
    case PRODUCT_RIGHT_BF16:
        pack_right_bf16((const uint16_t *)o->right + first_column * o->right_stride + first_k,
                        o->right_stride, width, depth, panel);
        break;
#endif
#if RIGHT_INTEGERS
    case PRODUCT_RIGHT_CODES:
        pack_right_codes((const int8_t *)o->right + first_k * o->right_stride + first_column,
                         o->right_stride, width, depth, panel);
        break;
    case PRODUCT_RIGHT_TRITS:
        pack_right_trits(o->right, (o->right_stride + 3) / 4, first_k, first_column, depth, panel);
        break;
#endif
    default: break; // the caller picks a kernel that has what is on the right
    }
}

// Lines that pack_left will read.
KERNEL lines_ahead left_lines(const product_operands *o, size_t first_row, size_t row_count,
                              size_t first_k, size_t depth) {
    if (o->left_kind == PRODUCT_LEFT_ROWS)
        return lines_of(o->left + first_row * o->left_stride + first_k, 4 * o->left_stride,
                        4 * depth, row_count);
    return lines_of(o->left + first_k * o->left_stride + first_row, 4 * o->left_stride,
                    4 * row_count, depth);
}

// Lines that pack_right will read.
KERNEL lines_ahead right_lines(const product_operands *o, size_t first_column, size_t width,
                               size_t first_k, size_t depth) {
    size_t stride = o->right_stride;
    switch (o->right_kind) {
    case PRODUCT_RIGHT_ROWS:
        return lines_of((const float *)o->right + first_k * stride + first_column, 4 * stride,
                        4 * width, depth);
    case PRODUCT_RIGHT_COLUMNS:
        return lines_of((const float *)o->right + first_column * stride + first_k, 4 * stride,
                        4 * depth, width);
    case PRODUCT_RIGHT_BF16:
        return lines_of((const uint16_t *)o->right + first_column * stride + first_k, 2 * stride,
                        2 * depth, width);
    case PRODUCT_RIGHT_CODES:
        return lines_of((const int8_t *)o->right + first_k * stride + first_column, stride, width,
                        depth);
    case PRODUCT_RIGHT_TRITS: {
        size_t groups = (stride + 3) / 4;
        return lines_of((const uint8_t *)o->right +
                            (first_k / TERNARY_PANEL_ROWS * groups + first_column / 4) * 256,
                        groups * 256, width * 64, depth / TERNARY_PANEL_ROWS);
    }
    }
    return lines_of(NULL, 0, 0, 0);
}

KERNEL void pack_shared(const product_operands *o, product_block b, size_t first, size_t last,
                        uint32_t *shared) {
    size_t words = (b.depth + WORD_DEPTH - 1) / WORD_DEPTH;
    if (o->split == PRODUCT_SPLIT_COLUMNS) {
        if (LEFT_ROWS_AS_THEY_ARE && o->left_kind == PRODUCT_LEFT_ROWS) return;
        pack_left(o, b.first + first, last - first, b.first_k, b.depth,
                  shared + first * left_stride(words));
        return;
    }
    for (size_t column = first; column < last; column += PANEL)
        pack_right(o, b.first + column, at_most(last - column, PANEL), b.first_k, b.depth,
                   shared + column * panel_rows(words));
}

// Where the squares of a row or panel of y are added to, once its last k is done.
KERNEL double *squares_of(const product_operands *o, product_block b, size_t index) {
    int is_whole = b.first_k + b.depth == o->k;
    return o->square_sums && is_whole ? o->square_sums + PRODUCT_SQUARE_LANES * index : NULL;
}

KERNEL void product_rows(const product_operands *o, product_block b, const uint32_t *panels,
                         size_t first_row, size_t last_row, uint32_t *packed) {
    int is_packed = !LEFT_ROWS_AS_THEY_ARE || o->left_kind != PRODUCT_LEFT_ROWS;
    size_t words = (b.depth + WORD_DEPTH - 1) / WORD_DEPTH;
    size_t stride = is_packed ? left_stride(words) : o->left_stride;
    for (size_t row = first_row; row < last_row; row += PRODUCT_BLOCK_ROWS) {
        size_t row_count = at_most(last_row - row, PRODUCT_BLOCK_ROWS);
        size_t next = row + row_count;
        const uint32_t *left = packed;
        if (is_packed)
            pack_left(o, row, row_count, b.first_k, b.depth, packed);
        else
            left = (const uint32_t *)(o->left + row * stride + b.first_k);
        lines_ahead ahead = left_lines(o, next, at_most(last_row - next, PRODUCT_BLOCK_ROWS),
                                       b.first_k, b.depth);
        for (size_t column = 0; column < b.count; column += PANEL) {
            tile_output out = {o->y + row * o->y_stride + b.first + column, o->y_stride,
                               at_most(b.count - column, PANEL), o->scale,
                               o->accumulate || b.first_k > 0, squares_of(o, b, row),
                               PRODUCT_SQUARE_LANES};
            tiles(row_count, left, stride, panels + column * panel_rows(words), words, out, &ahead);
        }
    }
}

KERNEL void product_columns(const product_operands *o, product_block b, const uint32_t *left,
                            size_t first_column, size_t last_column, uint32_t *panel) {
    size_t words = (b.depth + WORD_DEPTH - 1) / WORD_DEPTH;
    size_t stride = left_stride(words);
    if (LEFT_ROWS_AS_THEY_ARE && o->left_kind == PRODUCT_LEFT_ROWS) {
        stride = o->left_stride;
        left = (const uint32_t *)(o->left + b.first * stride + b.first_k);
    }
    for (size_t column = first_column; column < last_column; column += PANEL) {
        size_t next = column + PANEL;
        pack_right(o, column, at_most(last_column - column, PANEL), b.first_k, b.depth, panel);
        size_t next_k = b.first_k + b.depth;
        lines_ahead ahead =
            next < last_column
                ? right_lines(o, next, at_most(last_column - next, PANEL), b.first_k, b.depth)
                : right_lines(o, first_column, at_most(last_column - first_column, PANEL), next_k,
                              at_most(o->k - next_k, b.depth));
        tile_output out = {o->y + b.first * o->y_stride + column, o->y_stride,
                           at_most(last_column - column, PANEL), o->scale,
                           o->accumulate || b.first_k > 0, squares_of(o, b, column / PANEL), 0};
        tiles(b.count, left, stride, panel, words, out, &ahead);
    }
}

KERNEL void product_part(const product_operands *o, product_block b, const void *shared,
                         size_t first, size_t last, void *scratch) {
    if (o->split == PRODUCT_SPLIT_ROWS)
        product_rows(o, b, shared, first, last, scratch);
    else
        product_columns(o, b, shared, first, last, scratch);
}

// A precision's two entries, as product_kernels.h declares them.
#define DEFINE_PRODUCT(PRECISION)                                                                 \
    TARGET_AVX512 void product_pack_##PRECISION##_avx512(                                         \
        const product_operands *operands, product_block block, size_t first, size_t last,         \
        void *shared) {                                                                           \
        pack_shared(operands, block, first, last, shared);                                        \
    }                                                                                             \
    TARGET_AVX512 void product_##PRECISION##_avx512(                                              \
        const product_operands *operands, product_block block, const void *shared, size_t first,  \
        size_t last, void *scratch) {                                                             \
        product_part(operands, block, shared, first, last, scratch);                              \
    }

#endif
