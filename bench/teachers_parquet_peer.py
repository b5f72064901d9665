#!/usr/bin/env python3
"""Writes trace rows with pyarrow and reads them, as bench/teachers.sh wants it.

usage: teachers_parquet_peer.py SCRIPTS FILE [--rows N] [--samples N] [--level L]
SCRIPTS is the folder of bench_parquet.py, whose rows these are. FILE is left for ours to read.
"""
import argparse
import json
import os
import statistics
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("scripts")
parser.add_argument("file")
parser.add_argument("--rows", type=int, default=500_000)
parser.add_argument("--samples", type=int, default=5)
parser.add_argument("--level", type=int, default=1)
options = parser.parse_args()
sys.path.insert(0, options.scripts)
import bench_parquet
import pyarrow
import pyarrow.parquet as parquet

pyarrow.set_cpu_count(1)
table = bench_parquet.table(bench_parquet.generate(options.rows), nullable=False)
encoding = {column: "BYTE_STREAM_SPLIT" for column in bench_parquet.IDS + bench_parquet.LPS}
encoding |= {"sequence_id": "DELTA_BINARY_PACKED", "position": "DELTA_BINARY_PACKED"}


def rate(body):
    seconds = []
    for _ in range(options.samples + 1):
        start = time.perf_counter()
        body()
        seconds.append(time.perf_counter() - start)
    return options.rows / statistics.median(seconds[1:])


def report(name, per_second):
    print(
        json.dumps(
            {
                "name": name,
                "threads": 1,
                "per_second": per_second,
                "unit": "rows/s",
                "samples": options.samples,
                "bytes_per_row": os.path.getsize(options.file) / options.rows,
            }
        ),
        flush=True,
    )


report(
    "parquet-write",
    rate(
        lambda: parquet.write_table(
            table,
            options.file,
            row_group_size=131_072,
            use_dictionary=False,
            compression="zstd",
            compression_level=options.level,
            column_encoding=encoding,
        )
    ),
)
report("parquet-read", rate(lambda: parquet.read_table(options.file, use_threads=False)))
