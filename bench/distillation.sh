#!/usr/bin/env bash
# Measures a distillation step with a teacher beside the student: cross-entropy, KL over the whole
# vocabulary at temperature 5, and the attention relations of one layer. In turn with it: the student's
# step alone, the teacher's forward pass alone, and PyTorch's step with the same losses when a peer is
# named.
# usage: [SHAPES="mini small"] [THREADS="1 2"] [RUNS=5] [SAMPLES=5] [OUT=FILE]
#        [PARTS="ours student teacher"]
#        [PEER_VENV=DIR PEER_SCRIPTS=DIR [MODES="fp32 bf16 compiled tuned"]] bench/distillation.sh
#        bench/distillation.sh table FILE...   sums up what was measured in pieces
#
# PEER_VENV is a virtual environment with PyTorch, PEER_SCRIPTS the folder of bench_train.py, which
# bench/distillation_peer.py builds upon. Everything runs in a process of its own, A B C P A B C P; the
# table shows medians over all RUNS. Measurements are added to OUT.
source "$(dirname "$0")/lines.sh"
bench=${BENCH_TRAINING:-$release/BenchTraining}
[ -x "$bench" ] || die "$bench is missing; run: make build"
case ${1:-} in
  table) exec "$bench" distill-table "${@:2}" ;;
  '') ;;
  *) die "unknown argument $1: table or nothing" ;;
esac

peer=()
if [ -n "${PEER_VENV:-}" ]; then
  [ -x "$PEER_VENV/bin/python" ] || die "PEER_VENV=$PEER_VENV: there is no bin/python in it"
  [ -f "${PEER_SCRIPTS:-}/bench_train.py" ] ||
    die "PEER_SCRIPTS must name the folder of bench_train.py"
  export PEER_SCRIPTS
  peer=(--python "$PEER_VENV/bin/python" --script "$PWD/bench/distillation_peer.py")
fi

out=${OUT:-$(mktemp)}
[ -n "${OUT:-}" ] || trap 'rm -f "$out"' EXIT
for shape in ${SHAPES:-mini small}; do
  for threads in ${THREADS:-1 2}; do
    what=(--case "$shape" --threads "$threads" --samples "${SAMPLES:-5}")
    for ((run = 0; run < ${RUNS:-5}; run++)); do
      for part in ${PARTS-ours student teacher}; do
        "$bench" distill "${what[@]}" --part "$part" ${PIN:+--pin} >>"$out"
      done
      [ ${#peer[@]} -gt 0 ] || continue
      for mode in ${MODES-fp32 bf16 compiled tuned}; do
        # A mode that a machine cannot run leaves a gap in the table, not the table undone.
        "$bench" peer "${what[@]}" --mode "$mode" "${peer[@]}" >>"$out" ||
          echo "no figure of $mode for $shape on $threads threads" >&2
      done
    done
  done
done
"$bench" distill-table "$out"
