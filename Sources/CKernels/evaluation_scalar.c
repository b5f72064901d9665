// The evaluation's loops for the compiler's baseline (SSE2 on x86-64, NEON on Arm).

#define LANES 4
#define TABLE evaluation_kernels_scalar

#include "evaluation_kernels.h"
#include "transformer_vector.h"
#include "evaluation_loops.h"
