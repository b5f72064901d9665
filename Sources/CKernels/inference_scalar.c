// The loops of inference for scalar.

#define LANES 4
#include "inference_table.h"

extern const inference_kernels_table inference_kernels_scalar;
const inference_kernels_table inference_kernels_scalar = {
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
