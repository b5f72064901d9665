#!/usr/bin/env bash
# Measures tokenizers of every kind, in turn with Hugging Face's, and compares all ids and texts.
# usage: [COMPARE=1] [MB=100] [THREADS="1 2"] [ONLY=qwen2,llama2] PEER_VENV=DIR bench/tokenizers.sh
#
# PEER_VENV is a virtual environment with tokenizers, transformers and numpy. The text is made of
# what this machine has (documentation, source code), and of characters of all planes; it stays in
# .deps/tokenizers, as do the vocabularies that are trained on it.
source "$(dirname "$0")/lines.sh"
python=${PEER_VENV:-}/bin/python
[ -x "$python" ] || die "PEER_VENV must name a virtual environment with tokenizers"
[ -x "$release/BenchTokenizers" ] || die "$release/BenchTokenizers is missing; run: make build"
work=.deps/tokenizers
[ -f "$work/documents.jsonl" ] || "$python" bench/compare_tokenizers.py make "$work" --mb "${MB:-100}"

if [ -n "${COMPARE:-}" ]; then
  "$python" bench/compare_tokenizers.py compare "$work" "$release/BenchTokenizers" \
    --only "${ONLY:-}"
fi
for threads in ${THREADS:-1 2}; do
  "$python" bench/compare_tokenizers.py speed "$work" "$release/BenchTokenizers" \
    --threads "$threads" --only "${ONLY:-}"
done | tee "$work/lines"
echo
table <"$work/lines"
