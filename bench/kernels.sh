#!/usr/bin/env bash
# Measures the machine's peaks, and what every operation of a training step reaches of them.
# usage: [SHAPES="mini small qwen3-0.6b"] [RUNS=5] [THREADS="1 2"] [ONLY=TEXT] [PINNED=1]
#        [PEER_VENV=DIR] bench/kernels.sh
#
# PEER_VENV is a virtual environment with PyTorch and NumPy: each product is then done by PyTorch
# (int8), oneDNN (bf16), MKL and OpenBLAS (fp32) right after ours, and the best of them is shown.
# One thread of all shapes takes about half a minute, with peers a minute and a half.
source "$(dirname "$0")/lines.sh"
runs=${RUNS:-5}
[ -x "$release/BenchKernels" ] || die "$release/BenchKernels is missing; run: make build"

arguments=(${PINNED:+--pinned} ${ONLY:+--only "$ONLY"})
for shape in ${SHAPES:-mini small qwen3-0.6b}; do arguments+=(--shape "$shape"); done
for threads in ${THREADS:-1 2}; do arguments+=(--threads "$threads"); done
if [ -n "${PEER_VENV:-}" ]; then
  [ -x "$PEER_VENV/bin/python" ] || die "PEER_VENV=$PEER_VENV: there is no bin/python in it"
  arguments+=(--peer-python "$PEER_VENV/bin/python" --peer-script bench/kernels_peer.py)
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for ((run = 0; run < runs; run++)); do
  "$release/BenchKernels" "${arguments[@]}"
done | jq -cs '
  def middle(f): map(f | values) | sort
    | if length == 0 then null else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 end;
  to_entries | group_by([.value.case, .value.threads]) | sort_by(.[0].key)[] | map(.value)
  | .[0] + {
      ours: middle(.ours), peer: middle(.peer), ratio: middle(.ratio), runs: length,
      limit: middle(.limit), share_of_limit: middle(.share_of_limit)
    }' | tee "$folder/lines"
echo
table <"$folder/lines"
