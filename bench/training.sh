#!/usr/bin/env bash
# Measures whole training steps, in turn with PyTorch's when a peer is named.
# usage: [BENCH_ALL=1] [RUNS=5] [THREADS="1 2"] [PEER_VENV=DIR PEER_SCRIPTS=DIR [PEER_MODE=fp32]]
#        bench/training.sh
#
# PEER_VENV is a virtual environment with PyTorch, PEER_SCRIPTS the folder of bench_train.py.
# One run of BenchTraining is the median of five steps of ours and then the peer's own median; the
# runs follow each other A B A B, and the median over all RUNS is reported.
source "$(dirname "$0")/lines.sh"
runs=${RUNS:-5}
cases=(mini)
[ -z "${BENCH_ALL:-}" ] || cases+=(small qwen3-0.6b)
[ -x "$release/BenchTraining" ] || die "$release/BenchTraining is missing; run: make build"

peer=()
if [ -n "${PEER_VENV:-}" ]; then
  script=${PEER_SCRIPTS:-}/bench_train.py
  [ -x "$PEER_VENV/bin/python" ] || die "PEER_VENV=$PEER_VENV: there is no bin/python in it"
  [ -f "$script" ] || die "PEER_SCRIPTS must name the folder of bench_train.py"
  peer=(--peer-python "$PEER_VENV/bin/python" --peer-script "$script"
    --peer-mode "${PEER_MODE:-fp32}")
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for case in "${cases[@]}"; do
  for threads in ${THREADS:-1 2}; do
    for ((run = 0; run < runs; run++)); do
      "$release/BenchTraining" --case "$case" --threads "$threads" "${peer[@]}"
    done | jq -cs '
      def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
      def middle(f): map(f | values) | if length == 0 then null else median end;
      .[0] + {
        ours: middle(.ours), peer: middle(.peer), ratio: middle(.ratio), runs: length,
        peak_rss_ratio: middle(.peak_rss_ratio), share_of_limit: middle(.share_of_limit)
      }' | tee -a "$folder/lines"
  done
done
echo
table <"$folder/lines"
