#!/usr/bin/env python3
"""usage: kernels_peer.py THREADS SECONDS: the peers of BenchKernels, in its run.

Reads "KIND PRECISION m n k" lines, KIND one of int8, nt, nn, tn, and answers each with a JSON line:
the best median GOP/s among PyTorch's int8 product, oneDNN in bf16, MKL and OpenBLAS in fp32. nt is
x[m,k] w[n,k]^T, nn is x[m,k] w[k,n], tn is x[k,m]^T w[k,n].
"""
import json
import os
import sys
import time

threads, seconds = sys.argv[1], float(sys.argv[2])
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = threads
import numpy as np
import torch

torch.set_num_threads(int(threads))
torch.set_grad_enabled(False)


def median_seconds(work):
    work()
    times, start = [], time.perf_counter()
    while len(times) < 5 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        work()
        times.append(time.perf_counter() - before)
    return sorted(times)[len(times) // 2]


def works(kind, precision, m, n, k):
    """name -> what does the product once."""
    if kind == "int8":
        x = torch.randint(-128, 128, (m, k), dtype=torch.int8)
        w = torch.randint(-1, 2, (n, k), dtype=torch.int8).t()
        return {"PyTorch int8": lambda: torch._int_mm(x, w)}
    x = torch.randn(*((k, m) if kind == "tn" else (m, k)))
    w = torch.randn(*((n, k) if kind == "nt" else (k, n)))
    if precision == "bf16":
        x, w = x.bfloat16(), w.bfloat16()
    left = x.t() if kind == "tn" else x
    right = w.t() if kind == "nt" else w
    if precision == "bf16":
        return {"oneDNN bf16": lambda: left @ right}
    a, b, y = left.numpy(), right.numpy(), np.empty((m, n), np.float32)
    return {"MKL fp32": lambda: left @ right, "OpenBLAS fp32": lambda: np.matmul(a, b, out=y)}


for line in sys.stdin:
    kind, precision, *shape = line.split()
    m, n, k = map(int, shape)
    best = max(
        (2e-9 * m * n * k / median_seconds(work), name)
        for name, work in works(kind, precision, m, n, k).items())
    print(json.dumps({"peer": best[1], "gops": best[0]}), flush=True)
