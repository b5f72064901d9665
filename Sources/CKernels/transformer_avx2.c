// The transformer's loops for AVX2 and FMA.

#define LANES 8
#define TILE_VECTORS 2 // of a product's register tile, six rows high
#define TABLE transformer_kernels_avx2

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), \
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
