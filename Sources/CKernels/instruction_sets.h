// How one plain loop becomes three functions: the body is an `INLINE_BODY` function, and each
// instruction set instantiates it under its own target attribute, so that the compiler vectorises
// it with what that set has. Hand-written kernels use the same attributes.
#ifndef CKERNELS_INSTRUCTION_SETS_H
#define CKERNELS_INSTRUCTION_SETS_H

#define INLINE_BODY static inline __attribute__((always_inline))

#define TARGET_AVX2 __attribute__((target("avx2,fma,f16c")))
#define TARGET_AVX512                                                                          \
    __attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,"      \
                          "avx512bf16"),                                                       \
                   min_vector_width(512)))

#endif
