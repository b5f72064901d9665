"""Writes the traces beside it as the programs do whose layouts they have (pyarrow, no program of ours).

axolotl.parquet: rows as Axolotl's integrations/kd/chat_template.py prepares them; positions that the teacher
did not score are on the left. distillkit.parquet: DistillKit's packed lists, list i for token i + 1.
"""

import math
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent
vocabulary, bits = 290, 9
tokens = [10, 20, 30, 40, 50, 60]


def candidates(token):
    return [(token, math.log(0.6)), (token + 1, math.log(0.3)), (token + 7, math.log(0.05))]


def axolotl(tokens, padding, rows, labels):
    k = len(rows[0])
    blank = [[-math.inf] * k for _ in range(padding)]
    return {
        "input_ids": tokens,
        "attention_mask": [1] * len(tokens),
        "labels": labels,
        "target_token_ids": [list(range(k)) for _ in blank] + [[i for i, _ in r] for r in rows],
        "target_logprobs": blank + [[p for _, p in r] for r in rows],
        "target_mask": [[0] * k for _ in blank]
        + [[int(label != -100)] * k for label in labels[padding:]],
    }


def write(name, columns, rows):
    table = {c: pa.array([row[c] for row in rows], type=t) for c, t in columns.items()}
    pq.write_table(pa.table(table), here / name)


integers, lists = pa.list_(pa.int64()), pa.list_(pa.list_(pa.int64()))
write(
    "axolotl.parquet",
    {
        "input_ids": integers, "attention_mask": pa.list_(pa.int8()), "labels": integers,
        "target_token_ids": lists, "target_logprobs": pa.list_(pa.list_(pa.float64())),
        "target_mask": lists,
    },
    [
        axolotl(tokens, 1, [candidates(t) for t in tokens[1:]], [-100] + tokens[1:]),
        axolotl(
            [1, 2, 5, 6], 2,
            [[(5, math.log(0.75)), (7, math.log(0.25))], [(8, math.log(0.5)), (6, math.log(0.5))]],
            [-100, -100, 5, 6]),
    ])


def packed(ids):
    stream = "".join(format(i, f"0{bits}b") for i in ids)
    stream += "0" * (-len(stream) % 8)
    return [int(stream[i : i + 8], 2) for i in range(0, len(stream), 8)]


rows = [candidates(t) for t in tokens[1:]]
packed_lists = pa.list_(pa.list_(pa.uint8()))
write(
    "distillkit.parquet",
    {
        "input_ids": integers, "compressed_logprobs": packed_lists,
        "bytepacked_indices": packed_lists,
    },
    [
        {
            "input_ids": tokens,
            "compressed_logprobs": [list(struct.pack("<3f", *(p for _, p in r))) for r in rows],
            "bytepacked_indices": [packed([i for i, _ in r]) for r in rows],
        }
    ])
