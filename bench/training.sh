#!/usr/bin/env bash
# Measures whole training steps, in turn with PyTorch's when a peer is named.
# usage: [SHAPES="mini small qwen3-0.6b"] [THREADS="1 2"] [RUNS=5] [SAMPLES=5] [PIN=1] [OUT=FILE]
#        [PEER_VENV=DIR PEER_SCRIPTS=DIR [MODES="fp32 fp32-compiled bf16 compiled tuned"]] bench/training.sh
#        bench/training.sh table FILE...     sums up what was measured in pieces
#        bench/training.sh curves TEXT       holds bf16's loss curve beside fp32's, on a text file
#
# PEER_VENV is a virtual environment with PyTorch, PEER_SCRIPTS the folder of bench_train.py.
# A run is a process for each side, ours and every mode of the peer in turn, A B A B; each gives the
# median of SAMPLES steps, and the table shows the median of all RUNS. Measurements are added to OUT:
# a machine that is quiet for minutes only measures the table in pieces (SHAPES=mini THREADS=1
# RUNS=1 MODES=fp32 OUT=FILE, again and again), and `table FILE` sums them up.
source "$(dirname "$0")/lines.sh"
bench=${BENCH_TRAINING:-$release/BenchTraining}
[ -x "$bench" ] || die "$bench is missing; run: make build"
case ${1:-} in
  table | curves) exec "$bench" "$@" ;;
  '') ;;
  *) die "unknown argument $1: table, curves or nothing" ;;
esac

peer=()
if [ -n "${PEER_VENV:-}" ]; then
  script=${PEER_SCRIPTS:-}/bench_train.py
  [ -x "$PEER_VENV/bin/python" ] || die "PEER_VENV=$PEER_VENV: there is no bin/python in it"
  [ -f "$script" ] || die "PEER_SCRIPTS must name the folder of bench_train.py"
  peer=(--python "$PEER_VENV/bin/python" --script "$script")
fi

out=${OUT:-$(mktemp)}
[ -n "${OUT:-}" ] || trap 'rm -f "$out"' EXIT
for shape in ${SHAPES:-mini small qwen3-0.6b}; do
  for threads in ${THREADS:-1 2}; do
    what=(--case "$shape" --threads "$threads" --samples "${SAMPLES:-5}")
    for ((run = 0; run < ${RUNS:-5}; run++)); do
      "$bench" step "${what[@]}" ${PIN:+--pin} >>"$out"
      [ ${#peer[@]} -gt 0 ] || continue
      for mode in ${MODES-fp32 fp32-compiled bf16 compiled tuned}; do
        # A mode that a machine cannot run leaves a gap in the table, not the table undone.
        "$bench" peer "${what[@]}" --mode "$mode" "${peer[@]}" >>"$out" ||
          echo "no figure of $mode for $shape on $threads threads" >&2
      done
    done
  done
done
"$bench" table "$out"
