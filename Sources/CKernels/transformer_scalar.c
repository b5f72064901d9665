// The transformer's loops for the compiler's baseline (SSE2 on x86-64, NEON on Arm).

#define LANES 4
#define TILE_VECTORS 2 // of a product's register tile, six rows high
#define TABLE transformer_kernels_scalar

#include "transformer_vector.h"
// The order matters: later loops call earlier ones.
#include "rmsnorm_loops.h"
#include "rope_loops.h"
#include "gated_mlp_loops.h"
#include "embedding_loops.h"
#include "attention_rows.h"
#include "attention_loops.h"
#include "relation_loops.h"
#include "transformer_table.h"
