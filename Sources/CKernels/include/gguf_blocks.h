// How GGUF files store rows of trits, and how their common number formats are read.
//
// A block of TQ2_0 holds 256 trits in 64 bytes: byte 32 h + m (h = 0, 1; m = 0 ... 31) has the trits
// 128 h + m, + 32, + 64, + 96 in its bits 0-1, 2-3, 4-5, 6-7, each as trit + 1; then an fp16 scale.
//
// A block of TQ1_0 holds 256 trits in 52 bytes, base 3: bytes 0-31 have trits m + 32 n (n = 0 ... 4),
// bytes 32-47 trits 160 + m + 16 n (n = 0 ... 4), bytes 48-51 trits 240 + j + 4 n (n = 0 ... 3, and a
// fifth digit 0), the first the most significant; a byte is ceil(value * 256 / 243), so that the
// digits come out of the top by multiplying with 3; then an fp16 scale.
//
// A block of Q4_0 holds 32 numbers: an fp16 scale, then 16 bytes; byte m has element m in its low and
// element m + 16 in its high half, each as number + 8.
//
// A block of I2_S holds 128 trits in 32 bytes: byte m has the trits m, m + 32, m + 64, m + 96 in its
// bits 6-7, 4-5, 2-3, 0-1, each as trit + 1. The tensor's one scale, fp32, is behind all blocks.
//
// A block of Q8_0 holds 32 numbers: an fp16 scale, then 32 signed bytes.
//
// Source: ggml-common.h and ggml-quants.c of ggml; ggml-bitnet-mad.cpp of bitnet.cpp (x86).
#ifndef GGUF_BLOCKS_H
#define GGUF_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

// Write blocks with a scale of 1 (I2_S: without any). trits: [count], each -1, 0 or 1; count: a
// multiple of the block's elements.
void gguf_pack_tq2_0(const int8_t *trits, size_t count, uint8_t *blocks);
void gguf_pack_tq1_0(const int8_t *trits, size_t count, uint8_t *blocks);
void gguf_pack_q4_0(const int8_t *trits, size_t count, uint8_t *blocks);
void gguf_pack_i2_s(const int8_t *trits, size_t count, uint8_t *blocks);

// values[i] = the number that is stored. Any bytes give some number; bit patterns that no trit has
// give the scale times -1 ... 2.
void gguf_read_tq2_0(const uint8_t *blocks, size_t count, float *values);
void gguf_read_tq1_0(const uint8_t *blocks, size_t count, float *values);
void gguf_read_q4_0(const uint8_t *blocks, size_t count, float *values);
void gguf_read_q8_0(const uint8_t *blocks, size_t count, float *values);
void gguf_read_i2_s(const uint8_t *blocks, size_t count, float scale, float *values);
void gguf_read_f16(const uint8_t *bytes, size_t count, float *values);
void gguf_read_bf16(const uint8_t *bytes, size_t count, float *values);
void gguf_read_f32(const uint8_t *bytes, size_t count, float *values);

// blocks = x in Q8_0 as ggml rounds it: scale = max|x| / 127 in fp16, ties away from zero.
void gguf_pack_q8_0(const float *x, size_t count, uint8_t *blocks);
// Nearest fp16, ties to even.
void floats_to_fp16(const float *x, size_t count, uint16_t *rounded);

// The magnitude that all numbers but zeros share: 0 when all are zero, -1 when they differ by more
// than one part in 2^20 or one is not finite. nonzero: how many are not zero.
float common_magnitude(const float *x, size_t count, size_t *nonzero);

#endif
