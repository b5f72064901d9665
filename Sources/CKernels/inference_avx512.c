// The loops of inference for avx512.

#define LANES 16
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,f16c"))), apply_to = function)
#include "inference_table.h"
#pragma clang attribute pop

extern const inference_kernels_table inference_kernels_avx512;
const inference_kernels_table inference_kernels_avx512 = {
    .append_fp32 = append_fp32,
    .append_fp16 = append_fp16,
    .append_int8 = append_int8,
    .attend_fp32 = attend_fp32,
    .attend_fp16 = attend_fp16,
    .attend_int8 = attend_int8,
    .widen_fp16 = widen_fp16,
    .dense_rows_fp32 = dense_rows_fp32,
    .dense_rows_bf16 = dense_rows_bf16,
    .mask_logits = mask_logits,
    .exponential_weights = exponential_weights,
};
