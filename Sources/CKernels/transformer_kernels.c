// The choice of one table of loops; the contract is in transformer_kernels.h.

#include "transformer_kernels.h"

extern const transformer_kernels_table transformer_kernels_scalar;
extern const transformer_kernels_table transformer_kernels_avx2;
extern const transformer_kernels_table transformer_kernels_avx512;

const transformer_kernels_table *transformer_kernels(int instruction_set) {
#if defined(__x86_64__)
  if (instruction_set == 2)
    return &transformer_kernels_avx512;
  if (instruction_set == 1)
    return &transformer_kernels_avx2;
#endif
  (void)instruction_set;
  return &transformer_kernels_scalar;
}
