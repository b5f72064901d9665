#!/usr/bin/env bash
# Measures a local teacher's scoring and the traces' Parquet, in turn with PyTorch's and pyarrow's
# when a peer is named.
# usage: [THREADS="1 2"] [RUNS=3] [SAMPLES=3] [PARTS="scoring parquet"] [ROWS=500000] [WORK=DIR]
#        [PEER_VENV=DIR PEER_SCRIPTS=DIR] bench/teachers.sh
#
# PEER_VENV is a virtual environment with PyTorch and pyarrow, PEER_SCRIPTS the folder of
# bench_teacher.py and bench_parquet.py. WORK keeps the random checkpoint (1.2 GB) between calls. The
# peer's figure of scoring is the better of its fp32 and its bf16.
source "$(dirname "$0")/lines.sh"
bench=${BENCH_TEACHERS:-$release/BenchTeachers}
[ -x "$bench" ] || die "$bench is missing; run: make build"
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
runs=${RUNS:-3} samples=${SAMPLES:-3}
python= scripts=${PEER_SCRIPTS:-}
if [ -n "${PEER_VENV:-}" ]; then
  python=$PEER_VENV/bin/python
  [ -x "$python" ] || die "PEER_VENV=$PEER_VENV: there is no bin/python in it"
  [ -f "$scripts/bench_teacher.py" ] || die "PEER_SCRIPTS must name the folder of bench_teacher.py"
fi

# usage: compared CASE THREADS UNIT OURS... -- PEER...: the medians, side by side.
compared() {
  local case=$1 threads=$2 unit=$3 name=$4 ours=() peer=()
  shift 4
  while [ $# -gt 0 ] && [ "$1" != -- ]; do ours+=("$1"); shift; done
  shift
  peer=("$@")
  jq -cn --arg case "$case" --argjson threads "$threads" --arg unit "$unit" --arg name "$name" \
    --argjson ours "$(median "${ours[@]}")" \
    --argjson peer "$([ ${#peer[@]} -gt 0 ] && median "${peer[@]}" || echo null)" \
    --argjson runs "${#ours[@]}" --argjson rss "${rss_ratio:-null}" \
    '{bench: "teachers", case: $case, threads: $threads, ours: $ours, peer: $peer,
      peer_name: (if $peer then $name else null end), unit: $unit,
      ratio: (if $peer then $ours / $peer else null end), runs: $runs, peak_rss_ratio: $rss,
      limit: null, share_of_limit: null}'
}

scoring() {
  local model=$work/qwen3-0.6b-bf16 threads run ours peer found rss_ratio
  [ -f "$model/config.json" ] || "$bench" model "$model"
  for threads in ${THREADS:-1 2}; do
    ours=() peer=()
    for ((run = 0; run < runs; run++)); do
      found=$("$bench" scoring "$model" --threads "$threads" --samples "$samples")
      ours+=("$(jq .per_second <<<"$found")")
      # Of the weights' bytes, as stored; activations and logits are in it.
      rss_ratio=$(jq '.peak_rss_bytes / .weight_bytes' <<<"$found")
      [ -n "$python" ] || continue
      for mode in fp32 bf16; do
        "$python" "$scripts/bench_teacher.py" --mode "$mode" --threads "$threads" --topk lean \
          --quiet-target "$samples" --max-seconds 60 --out "$work/peer.jsonl" >"$work/peer.log" 2>&1
      done
      peer+=("$(tail -n 2 "$work/peer.jsonl" | jq -s 'map(.tok_per_s[1]) | max')")
    done
    compared teacher-scoring "$threads" tokens/s "PyTorch, the better of fp32 and bf16" \
      "${ours[@]}" -- "${peer[@]}"
  done
}

parquet() {
  [ -n "$python" ] || die "the Parquet part needs PEER_VENV and PEER_SCRIPTS: the rows are the peer's"
  local file=$work/rows.parquet run case
  : >"$work/ours.jsonl" && : >"$work/peer-parquet.jsonl"
  for ((run = 0; run < runs; run++)); do
    "$python" bench/teachers_parquet_peer.py "$scripts" "$file" --rows "${ROWS:-500000}" \
      --samples "$samples" >>"$work/peer-parquet.jsonl"
    "$bench" parquet "$file" --samples "$samples" >>"$work/ours.jsonl"
  done
  for case in parquet-write parquet-read; do
    mapfile -t ours < <(jq "select(.name == \"$case\").per_second" "$work/ours.jsonl")
    mapfile -t peer < <(jq "select(.name == \"$case\").per_second" "$work/peer-parquet.jsonl")
    compared "$case" 1 rows/s pyarrow "${ours[@]}" -- "${peer[@]}"
  done
  line teachers parquet-bytes 1 "$(head -n 1 "$work/ours.jsonl" | jq .bytes_per_row)" bytes/row 1
}

lines=$work/lines.jsonl
: >"$lines"
for part in ${PARTS:-scoring parquet}; do
  case $part in
    scoring | parquet) "$part" | tee -a "$lines" ;;
    *) die "unknown part $part: scoring, parquet" ;;
  esac
done
table <"$lines"
