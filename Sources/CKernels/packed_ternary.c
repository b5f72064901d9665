#include "packed_kernels.h"
#include "ternary_kernels.h"

#include <string.h>

enum { VECTORS = PACKED_PANEL_ROWS / 16, GROUP = PACKED_GROUP_BYTES };

static const uint8_t powers[VECTORS] = {1, 3, 9, 27, 81};

void packed_from_ternary(const uint8_t *ternary, size_t rows, size_t columns, uint8_t *packed) {
    size_t groups = (columns + 3) / 4, panels = (rows + PACKED_PANEL_ROWS - 1) / PACKED_PANEL_ROWS;
    uint8_t zeros[GROUP];
    memset(zeros, 1, sizeof zeros);
    for (size_t p = 0; p < panels; p++)
        for (size_t g = 0; g < groups; g++, packed += GROUP) {
            memset(packed, 0, GROUP);
            for (size_t v = 0; v < VECTORS; v++) {
                size_t row = p * PACKED_PANEL_ROWS + v * 16;
                // Sixteen rows of four columns lie together in both layouts.
                const uint8_t *from =
                    row >= rows ? zeros
                                : ternary + (row / TERNARY_PANEL_ROWS * groups + g) * 256 +
                                      row % TERNARY_PANEL_ROWS * 4;
                for (size_t i = 0; i < GROUP; i++)
                    packed[i] = (uint8_t)(packed[i] + powers[v] * from[i]);
            }
        }
}

static int digit(const uint8_t *packed, size_t groups, size_t row, size_t k) {
    size_t in_panel = row % PACKED_PANEL_ROWS;
    size_t group = row / PACKED_PANEL_ROWS * groups + k / 4;
    return packed[group * GROUP + in_panel % 16 * 4 + k % 4] / powers[in_panel / 16] % 3;
}

void packed_unpack_row(const uint8_t *packed, size_t columns, size_t row, int8_t *trits) {
    for (size_t k = 0; k < columns; k++)
        trits[k] = (int8_t)(digit(packed, (columns + 3) / 4, row, k) - 1);
}

void packed_random(uint64_t *words, uint64_t first, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        uint64_t z = seed + (first + i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        uint64_t word = 0;
        for (int shift = 0; shift < 64; shift += 8)
            word |= ((z >> shift & 255) * 243 >> 8) << shift;
        words[i] = word;
    }
}

void packed_product_reference(const int8_t *codes, const float *code_scales, size_t m,
                              size_t columns, const uint8_t *packed, float scale, size_t rows,
                              size_t first_panel, size_t last_panel, float *y) {
    size_t groups = (columns + 3) / 4;
    for (size_t row = first_panel * PACKED_PANEL_ROWS;
         row < rows && row < last_panel * PACKED_PANEL_ROWS; row++)
        for (size_t i = 0; i < m; i++) {
            int32_t sum = 0;
            for (size_t k = 0; k < columns; k++)
                sum += codes[i * columns + k] * (digit(packed, groups, row, k) - 1);
            y[i * rows + row] = (float)sum * (scale / code_scales[i]);
        }
}
