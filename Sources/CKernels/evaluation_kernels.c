// The choice of one table of loops; the contract is in evaluation_kernels.h.

#include "evaluation_kernels.h"

extern const evaluation_kernels_table evaluation_kernels_scalar;
extern const evaluation_kernels_table evaluation_kernels_avx2;
extern const evaluation_kernels_table evaluation_kernels_avx512;

const evaluation_kernels_table *evaluation_kernels(int instruction_set) {
#if defined(__x86_64__)
  if (instruction_set == 2) return &evaluation_kernels_avx512;
  if (instruction_set == 1) return &evaluation_kernels_avx2;
#endif
  (void)instruction_set;
  return &evaluation_kernels_scalar;
}
