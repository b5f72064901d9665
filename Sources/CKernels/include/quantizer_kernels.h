// Quantizers of activations, the Hadamard rotation before them, and the mix with what they are given.
//
// Every version gives the same bits: a float reduction over a row is taken in 16 lanes
// (lane j sums the elements i with i mod 16 = j, in order), and the lanes are added in order.
#ifndef QUANTIZER_KERNELS_H
#define QUANTIZER_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// x: [rows, columns]; codes: [rows, columns]; scales: [rows], x is about code / scale.
// A row with a NaN gets the scale NaN, so that it does not vanish in the codes.
//
// scale = 127 / max(max|x|, 1e-5); code = clip(round(x * scale), -128, 127). Ties to even.
void quantize_a8_reference(const float *x, size_t rows, size_t columns, int8_t *codes,
                           float *scales);
void quantize_a8_avx2(const float *x, size_t rows, size_t columns, int8_t *codes, float *scales);
void quantize_a8_avx512(const float *x, size_t rows, size_t columns, int8_t *codes,
                        float *scales);

// scale = sqrt(7) / max(mean|x|, 1e-5); code = clip(round(x * scale), -8, 7). Ties to even.
void quantize_a4_reference(const float *x, size_t rows, size_t columns, int8_t *codes,
                           float *scales);
void quantize_a4_avx2(const float *x, size_t rows, size_t columns, int8_t *codes, float *scales);
void quantize_a4_avx512(const float *x, size_t rows, size_t columns, int8_t *codes,
                        float *scales);

// Orthonormal Walsh-Hadamard transform in place of every block of `block` elements.
// x: [rows, columns]; block: a power of two that divides columns. Its own inverse.
void hadamard_reference(float *x, size_t rows, size_t columns, size_t block);
void hadamard_avx2(float *x, size_t rows, size_t columns, size_t block);
void hadamard_avx512(float *x, size_t rows, size_t columns, size_t block);

// Between full precision and quantized: (1 - strength) * x + strength * Q(x), with strength in 0 ... 1.
// Written so that 0 gives x and 1 gives Q(x), in every bit.
//
// Q(w) = scale * trit, where trit is w / scale rounded to -1, 0 or 1, ties to even.
// weights, mixed: [count].
void mix_ternary_reference(const float *weights, size_t count, float scale, float strength,
                           float *mixed);
void mix_ternary_avx2(const float *weights, size_t count, float scale, float strength,
                      float *mixed);
void mix_ternary_avx512(const float *weights, size_t count, float scale, float strength,
                        float *mixed);

// Q(x) = code / scale, one scale a row; a row whose scale is NaN becomes NaN.
// x, codes, mixed: [rows, columns]; scales: [rows].
void mix_codes_reference(const float *x, const int8_t *codes, const float *scales, size_t rows,
                         size_t columns, float strength, float *mixed);
void mix_codes_avx2(const float *x, const int8_t *codes, const float *scales, size_t rows,
                    size_t columns, float strength, float *mixed);
void mix_codes_avx512(const float *x, const int8_t *codes, const float *scales, size_t rows,
                      size_t columns, float strength, float *mixed);

#endif
