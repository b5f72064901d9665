#include "packed_kernels.h"
#include "ternary_kernels.h"

void packed_from_panels(const uint8_t *panels, size_t groups, uint8_t *packed) {
    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < 64; i++) {
            const uint8_t *byte = panels + g * 256 + i;
            packed[g * 64 + i] =
                (uint8_t)(byte[0] | byte[64] << 2 | byte[128] << 4 | byte[192] << 6);
        }
}

void packed_to_panels(const uint8_t *packed, size_t groups, uint8_t *panels) {
    for (size_t g = 0; g < groups; g++)
        for (size_t i = 0; i < 64; i++) {
            uint8_t byte = packed[g * 64 + i];
            panels[g * 256 + i] = byte & 3;
            panels[g * 256 + 64 + i] = byte >> 2 & 3;
            panels[g * 256 + 128 + i] = byte >> 4 & 3;
            panels[g * 256 + 192 + i] = byte >> 6;
        }
}

void packed_random(uint64_t *words, uint64_t first, size_t count, uint64_t seed) {
    for (size_t i = 0; i < count; i++) {
        uint64_t z = seed + (first + i + 1) * 0x9E3779B97F4A7C15u;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        z ^= z >> 31;
        // The pair of bits 3 becomes 1, a trit of 0.
        words[i] = z & ~((z & z >> 1 & 0x5555555555555555u) << 1);
    }
}

size_t packed_product_scratch(size_t columns) { return (columns + 3) / 4 * 256; }

// Tokens whose codes stay in the second-level cache beside an expanded panel.
enum { BLOCK_TOKENS = 192 };

#define PRODUCT_BY_EXPANSION(NAME, PRODUCT)                                                    \
    void NAME(const int8_t *codes, const float *code_scales, size_t m, size_t columns,         \
              const uint8_t *packed, float scale, size_t rows, size_t first_panel,             \
              size_t last_panel, float *y, uint8_t *scratch) {                                 \
        size_t groups = (columns + 3) / 4;                                                     \
        for (size_t i = 0; i < m; i += BLOCK_TOKENS) {                                         \
            size_t count = m - i < BLOCK_TOKENS ? m - i : BLOCK_TOKENS;                        \
            for (size_t p = first_panel; p < last_panel; p++) {                                \
                size_t first = p * TERNARY_PANEL_ROWS;                                         \
                size_t width = rows - first < TERNARY_PANEL_ROWS ? rows - first                \
                                                                 : TERNARY_PANEL_ROWS;         \
                packed_to_panels(packed + p * groups * 64, groups, scratch);                   \
                PRODUCT(codes + i * columns, code_scales + i, count, columns, scratch, scale,  \
                        width, 0, 1, y + i * rows + first, rows);                              \
            }                                                                                  \
        }                                                                                      \
    }

PRODUCT_BY_EXPANSION(packed_product_reference, ternary_product_reference)
PRODUCT_BY_EXPANSION(packed_product_avx2, ternary_product_avx2)
PRODUCT_BY_EXPANSION(packed_product_expanded, ternary_product_avx512)
