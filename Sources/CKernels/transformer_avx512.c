// The transformer's loops for AVX-512.

#define LANES 16
#define TILE_VECTORS 4 // of a product's register tile, six rows high
#define TABLE transformer_kernels_avx512
#define ATTENTION_SCRATCH_BF16 attention_scratch_bf16_avx512
#define ATTENTION_FORWARD_BF16 attention_forward_bf16_avx512
#define ATTENTION_BACKWARD_BF16 attention_backward_bf16_avx512

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq"))), \
                             apply_to = function)
#include "transformer_vector.h"
// The order matters: later loops call earlier ones.
#include "rmsnorm_loops.h"
#include "rope_loops.h"
#include "gated_mlp_loops.h"
#include "embedding_loops.h"
#include "attention_rows.h"
#include "attention_loops.h"
#include "relation_loops.h"
#pragma clang attribute pop
#include "transformer_table.h"
#endif
