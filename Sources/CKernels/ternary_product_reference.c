#include "ternary_kernels.h"

// Four codes at once against 64 rows: the accumulators of a panel stay in registers.
static void panel_sums(const int8_t *codes, size_t columns, const uint8_t *panel,
                            int32_t *sums) {
    for (size_t r = 0; r < TERNARY_PANEL_ROWS; r++) sums[r] = 0;
    size_t whole = columns / 4;
    for (size_t g = 0; g < whole; g++) {
        const uint8_t *group = panel + g * 256;
        for (size_t r = 0; r < TERNARY_PANEL_ROWS; r++) {
            int32_t sum = 0;
            for (size_t j = 0; j < 4; j++) sum += codes[g * 4 + j] * (group[r * 4 + j] - 1);
            sums[r] += sum;
        }
    }
    for (size_t k = whole * 4; k < columns; k++)
        for (size_t r = 0; r < TERNARY_PANEL_ROWS; r++)
            sums[r] += codes[k] * (panel[whole * 256 + r * 4 + k % 4] - 1);
}

void ternary_product_reference(const int8_t *codes, const float *code_scales, size_t m,
                               size_t columns, const uint8_t *packed, float scale, size_t rows,
                               size_t first_panel, size_t last_panel, float *y,
                               size_t y_stride) {
    size_t groups = (columns + 3) / 4;
    for (size_t p = first_panel; p < last_panel; p++) {
        size_t first_row = p * TERNARY_PANEL_ROWS;
        size_t width = rows - first_row < TERNARY_PANEL_ROWS ? rows - first_row
                                                              : TERNARY_PANEL_ROWS;
        for (size_t i = 0; i < m; i++) {
            int32_t sums[TERNARY_PANEL_ROWS];
            panel_sums(codes + i * columns, columns, packed + p * groups * 256, sums);
            float factor = scale / code_scales[i];
            for (size_t r = 0; r < width; r++)
                y[i * y_stride + first_row + r] = (float)sums[r] * factor;
        }
    }
}
