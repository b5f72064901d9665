// The loops compiled above, as one table. TABLE is its name.

const transformer_kernels_table TABLE = {
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .rope_rotate = rope_rotate,
    .attention_scratch = attention_scratch,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .gated_forward = gated_forward,
    .gated_backward = gated_backward,
    .embedding_gather = embedding_gather,
    .embedding_scatter = embedding_scatter,
    .bias_add = bias_add,
    .column_sums = column_sums,
    .add = add,
};
