#include "gguf_blocks.h"

#include <math.h>
#include <string.h>

static float half_to_float(const uint8_t *bytes) {
    _Float16 half;
    memcpy(&half, bytes, 2);
    return (float)half;
}

static void write_half(float value, uint8_t *bytes) {
    _Float16 half = (_Float16)value;
    memcpy(bytes, &half, 2);
}

void gguf_pack_tq2_0(const int8_t *trits, size_t count, uint8_t *blocks) {
    for (size_t start = 0; start < count; start += 256, trits += 256, blocks += 66) {
        for (size_t half = 0; half < 2; half++) {
            for (size_t m = 0; m < 32; m++) {
                const int8_t *t = trits + 128 * half + m;
                blocks[32 * half + m] = (uint8_t)((t[0] + 1) | (t[32] + 1) << 2 | (t[64] + 1) << 4 |
                                                  (t[96] + 1) << 6);
            }
        }
        write_half(1, blocks + 64);
    }
}

// digits trits, `stride` apart, as one byte; places beyond `digits` are zeros.
static uint8_t base3(const int8_t *trits, size_t stride, size_t digits) {
    unsigned value = 0;
    for (size_t n = 0; n < 5; n++) {
        value = value * 3 + (n < digits ? (unsigned)(trits[n * stride] + 1) : 0);
    }
    return (uint8_t)((value * 256 + 242) / 243);
}

void gguf_pack_tq1_0(const int8_t *trits, size_t count, uint8_t *blocks) {
    for (size_t start = 0; start < count; start += 256, trits += 256, blocks += 54) {
        for (size_t m = 0; m < 32; m++) blocks[m] = base3(trits + m, 32, 5);
        for (size_t m = 0; m < 16; m++) blocks[32 + m] = base3(trits + 160 + m, 16, 5);
        for (size_t m = 0; m < 4; m++) blocks[48 + m] = base3(trits + 240 + m, 4, 4);
        write_half(1, blocks + 52);
    }
}

void gguf_pack_q4_0(const int8_t *trits, size_t count, uint8_t *blocks) {
    for (size_t start = 0; start < count; start += 32, trits += 32, blocks += 18) {
        write_half(1, blocks);
        for (size_t m = 0; m < 16; m++) {
            blocks[2 + m] = (uint8_t)((trits[m] + 8) | (trits[m + 16] + 8) << 4);
        }
    }
}

void gguf_pack_i2_s(const int8_t *trits, size_t count, uint8_t *blocks) {
    for (size_t start = 0; start < count; start += 128, trits += 128, blocks += 32) {
        for (size_t m = 0; m < 32; m++) {
            const int8_t *t = trits + m;
            blocks[m] = (uint8_t)((t[0] + 1) << 6 | (t[32] + 1) << 4 | (t[64] + 1) << 2 |
                                  (t[96] + 1));
        }
    }
}

void gguf_read_tq2_0(const uint8_t *blocks, size_t count, float *values) {
    for (size_t start = 0; start < count; start += 256, values += 256, blocks += 66) {
        float scale = half_to_float(blocks + 64);
        for (size_t i = 0; i < 256; i++) {
            int code = blocks[32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32)) & 3;
            values[i] = scale * (float)(code - 1);
        }
    }
}

static float digit_value(uint8_t byte, size_t digit, float scale) {
    static const uint8_t power[5] = {1, 3, 9, 27, 81};
    uint8_t rest = (uint8_t)(byte * power[digit]);
    return scale * (float)((rest * 3 >> 8) - 1);
}

void gguf_read_tq1_0(const uint8_t *blocks, size_t count, float *values) {
    for (size_t start = 0; start < count; start += 256, values += 256, blocks += 54) {
        float scale = half_to_float(blocks + 52);
        for (size_t i = 0; i < 160; i++) values[i] = digit_value(blocks[i % 32], i / 32, scale);
        for (size_t i = 0; i < 80; i++) {
            values[160 + i] = digit_value(blocks[32 + i % 16], i / 16, scale);
        }
        for (size_t i = 0; i < 16; i++) {
            values[240 + i] = digit_value(blocks[48 + i % 4], i / 4, scale);
        }
    }
}

void gguf_read_q4_0(const uint8_t *blocks, size_t count, float *values) {
    for (size_t start = 0; start < count; start += 32, values += 32, blocks += 18) {
        float scale = half_to_float(blocks);
        for (size_t m = 0; m < 16; m++) {
            values[m] = scale * (float)((blocks[2 + m] & 15) - 8);
            values[m + 16] = scale * (float)((blocks[2 + m] >> 4) - 8);
        }
    }
}

void gguf_read_q8_0(const uint8_t *blocks, size_t count, float *values) {
    for (size_t start = 0; start < count; start += 32, values += 32, blocks += 34) {
        float scale = half_to_float(blocks);
        for (size_t m = 0; m < 32; m++) values[m] = scale * (float)(int8_t)blocks[2 + m];
    }
}

void gguf_read_i2_s(const uint8_t *blocks, size_t count, float scale, float *values) {
    for (size_t start = 0; start < count; start += 128, values += 128, blocks += 32) {
        for (size_t i = 0; i < 128; i++) {
            int code = blocks[i % 32] >> (6 - 2 * (i / 32)) & 3;
            values[i] = scale * (float)(code - 1);
        }
    }
}

void gguf_read_f16(const uint8_t *bytes, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = half_to_float(bytes + 2 * i);
}

void gguf_read_bf16(const uint8_t *bytes, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half;
        memcpy(&half, bytes + 2 * i, 2);
        uint32_t bits = (uint32_t)half << 16;
        memcpy(values + i, &bits, 4);
    }
}

void gguf_read_f32(const uint8_t *bytes, size_t count, float *values) {
    memcpy(values, bytes, 4 * count);
}

void gguf_pack_q8_0(const float *x, size_t count, uint8_t *blocks) {
    for (size_t start = 0; start < count; start += 32, x += 32, blocks += 34) {
        float largest = 0;
        for (size_t m = 0; m < 32; m++) largest = fmaxf(largest, fabsf(x[m]));
        float scale = largest / 127;
        float inverse = scale != 0 ? 1 / scale : 0;
        write_half(scale, blocks);
        for (size_t m = 0; m < 32; m++) blocks[2 + m] = (uint8_t)(int8_t)roundf(x[m] * inverse);
    }
}

void floats_to_fp16(const float *x, size_t count, uint16_t *rounded) {
    for (size_t i = 0; i < count; i++) write_half(x[i], (uint8_t *)(rounded + i));
}

float common_magnitude(const float *x, size_t count, size_t *nonzero) {
    float magnitude = 0;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        float size = fabsf(x[i]);
        if (size == 0) continue;
        found++;
        if (magnitude == 0) magnitude = size;
        if (!(fabsf(size - magnitude) <= magnitude * 0x1p-20f)) return -1;
    }
    *nonzero = found;
    return magnitude;
}
