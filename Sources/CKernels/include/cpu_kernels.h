// What this CPU can run, and how a waiting thread tells it that it waits.
#ifndef CPU_KERNELS_H
#define CPU_KERNELS_H

// 1 when the CPU and the operating system offer AVX2, FMA and F16C.
int cpu_has_avx2(void);
// 1 when they also offer AVX-512 F, BW, VL, DQ, VBMI, VNNI and BF16.
int cpu_has_avx512(void);
// 1 when vdpbf16ps does more work a second than multiply-adds of floats.
int cpu_has_fast_bf16(void);

// Moves the calling thread to one of the CPUs that it may run on, `place` counted from the last.
// 0 when it is there, 1 when there are too few CPUs or the system refuses.
int thread_run_on_cpu_from_last(int place);

// One step of a spinning wait.
static inline void cpu_pause(void) { __builtin_ia32_pause(); }

#endif
