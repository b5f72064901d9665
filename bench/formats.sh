#!/usr/bin/env bash
# Exports a trained student and compares other programs' text, perplexity and logits with ours.
# usage: MODEL=FOLDER [SEED=1] [LLAMA_CPP=DIR] [BITNET_CPP=DIR] [PEER_VENV=DIR] bench/formats.sh
#
# MODEL is a checkpoint of a ternary student that was trained on the demo's tool calls of seed SEED;
# prompts and text are from the part that it has not seen. LLAMA_CPP and BITNET_CPP are the folders of
# llama-completion (llama-cli in bitnet.cpp) and llama-perplexity; PEER_VENV has torch and transformers.
source "$(dirname "$0")/lines.sh"
tool=$release/BenchFormats
[ -x "$tool" ] || die "$tool is missing; run: make build"
[ -f "${MODEL:-}/config.json" ] || die "MODEL must name a checkpoint's folder"
context=${CONTEXT:-128} tokens=${TOKENS:-64}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$tool" corpus "$folder" --seed "${SEED:-1}"
"$tool" greedy "$MODEL" "$folder/prompts.jsonl" --tokens "$tokens" | jq -c . >"$folder/ours"
ours=$("$tool" perplexity "$MODEL" "$folder/text.txt" --context "$context")
echo "ours: perplexity $ours"

# usage: compare NAME BINARIES GGUF
compare() {
  local main=$2/llama-completion arguments=(-no-cnv) line prompt theirs same
  [ -x "$main" ] || { main=$2/llama-cli; arguments=(); }
  while IFS= read -r line; do
    # The point keeps the prompt's last newline.
    prompt=$(jq -j . <<<"$line" && echo .)
    "$main" -m "$3" -p "${prompt%.}" -n "$tokens" --temp 0 --no-display-prompt --no-escape \
      "${arguments[@]}" -t 1 2>>"$folder/log" </dev/null | jq -Rsc .
  done <"$folder/prompts.jsonl" >"$folder/theirs"
  # Behind the text they print newlines, and what stands for the token that ended it.
  same=$(paste "$folder/ours" <(jq -c 'sub(" *\\[end of text\\]"; "") | sub("\n*$"; "")' \
    "$folder/theirs") | awk -F'\t' '$1 == $2' | wc -l)
  theirs=$("$2/llama-perplexity" -m "$3" -f "$folder/text.txt" -c "$context" -b "$context" -t 2 2>&1 |
    sed -n 's/.*Final estimate: PPL = \([0-9.]*\).*/\1/p')
  jq -nc --arg name "$1" --arg weights "$(basename "$3" .gguf)" --argjson same "$same" \
    --argjson ours "$ours" --argjson theirs "${theirs:-null}" \
    '{name: $name, weights: $weights, equal_texts: $same, of: 20, perplexity: $theirs,
      difference_percent: (if $theirs then ($theirs / $ours - 1) * 100 else null end)}'
}

for weights in tq2_0 tq1_0; do
  [ -n "${LLAMA_CPP:-}" ] || break
  "$tool" export "$MODEL" "$folder/$weights.gguf" --weights "$weights" --embeddings f32 >/dev/null
  compare llama.cpp "$LLAMA_CPP" "$folder/$weights.gguf"
done
if [ -n "${BITNET_CPP:-}" ]; then
  "$tool" export "$MODEL" "$folder/i2_s.gguf" --weights i2_s >/dev/null
  compare bitnet.cpp "$BITNET_CPP" "$folder/i2_s.gguf"
fi
[ -n "${PEER_VENV:-}" ] || exit 0
"$tool" logits "$MODEL" "$folder/prompts.jsonl" "$folder/logits.safetensors"
for weights in bf16 packed; do
  "$tool" export "$MODEL" "$folder/$weights" --weights "$weights" --huggingface >/dev/null
  "$PEER_VENV/bin/python" bench/formats_transformers.py "$folder/$weights" "$folder/logits.safetensors"
done
