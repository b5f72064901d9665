// The loops compiled above, as one table. TABLE is its name. Without instructions for bf16,
// attention's products stay in fp32.

#ifndef ATTENTION_SCRATCH_BF16
#define ATTENTION_SCRATCH_BF16 attention_scratch
#define ATTENTION_FORWARD_BF16 attention_forward
#define ATTENTION_BACKWARD_BF16 attention_backward
#endif

const transformer_kernels_table TABLE = {
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .rope_rotate = rope_rotate,
    .attention_scratch = attention_scratch,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .attention_scratch_bf16 = ATTENTION_SCRATCH_BF16,
    .attention_forward_bf16 = ATTENTION_FORWARD_BF16,
    .attention_backward_bf16 = ATTENTION_BACKWARD_BF16,
    .relation_scratch = relation_scratch,
    .relation_distill = relation_distill,
    .gated_forward = gated_forward,
    .gated_backward = gated_backward,
    .embedding_gather = embedding_gather,
    .embedding_scatter = embedding_scatter,
    .bias_add = bias_add,
    .column_sums = column_sums,
    .add = add,
    .round_to_bf16_words = round_to_bf16_words,
    .widen_bf16_words = widen_bf16_words,
};
