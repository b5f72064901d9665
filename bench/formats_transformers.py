"""usage: formats_transformers.py MODEL_FOLDER LOGITS: compares transformers' logits with ours."""

import json
import os
import sys

# transformers compiles its quantizers, which takes longer than running them here.
os.environ["TORCHDYNAMO_DISABLE"] = "1"

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

folder, logits = sys.argv[1:]
ours = load_file(logits)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
with torch.no_grad():
    theirs = model(input_ids=ours["tokens"].long()[None]).logits[0].float()
difference = (theirs - ours["logits"]).abs()
print(
    json.dumps(
        {
            "name": "transformers",
            "weights": os.path.basename(folder),
            "class": type(model).__name__,
            "largest_difference": float(difference.max()),
            "mean_difference": float(difference.mean()),
            "largest_logit": float(ours["logits"].abs().max()),
            "same_top": float((theirs.argmax(-1) == ours["logits"].argmax(-1)).float().mean()),
        }
    )
)
