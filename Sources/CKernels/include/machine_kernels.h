// What a core can do at most, and what memory gives. Nothing here computes anything that is needed.
#ifndef MACHINE_KERNELS_H
#define MACHINE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// Independent multiply-adds from registers, in `rounds` rounds. Each returns the operations done, two
// a multiply-add: fp32; bf16 products summed in fp32; int16 and int8 products summed in int32. An
// instruction set without an instruction for it does what its products do instead (plain C has no
// faster way for int8 than for int16).
double peak_fp32_reference(size_t rounds);
double peak_fp32_avx2(size_t rounds);
double peak_fp32_avx512(size_t rounds);
double peak_bf16_avx512(size_t rounds);
double peak_int16_reference(size_t rounds);
double peak_int16_avx2(size_t rounds);
double peak_int16_avx512(size_t rounds);
double peak_int8_avx2(size_t rounds);
double peak_int8_avx512(size_t rounds);

// Reads [count] words; the result is their exclusive or, which nobody needs.
uint64_t memory_read_reference(const uint64_t *words, size_t count);
uint64_t memory_read_avx2(const uint64_t *words, size_t count);
uint64_t memory_read_avx512(const uint64_t *words, size_t count);

// The optimizer's traffic, 28 bytes an element: reads four vectors [count] and writes three.
void memory_update_reference(float *a, float *b, float *c, const float *d, size_t count);
void memory_update_avx2(float *a, float *b, float *c, const float *d, size_t count);
void memory_update_avx512(float *a, float *b, float *c, const float *d, size_t count);

#endif
