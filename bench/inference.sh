#!/usr/bin/env bash
# Measures prefill and decode of packed models of random weights, in turn with peers when named.
# usage: [SHAPES="2b4t 7b qwen3-0.6b"] [MEASURES="decode prefill batch8"] [THREADS="1 2"] [RUNS=5]
#        [EMBEDDINGS=int8] [MODELS=DIR] [GBPS_1=35 GBPS_2=43] [GMACS_1=480 GMACS_2=870]
#        [PEERS_2B4T="NAME,BIN,MODEL.gguf ..."] [PEERS_7B=...] [PEERS_QWEN3=...]
#        bench/inference.sh
#
# BIN is a folder with llama-bench (and llama-batched-bench for batch8), of llama.cpp or what
# descends from it; MODEL.gguf is the same shape in one of its formats. Ours and each peer run in
# turn, A B C A B C; medians over RUNS are reported, beside the best peer's. MODELS keeps our packed
# models (made when they are not there); GBPS_T and GMACS_T are what the machine reads from memory
# and multiplies in int8 with T threads, for the share of the limit.
source "$(dirname "$0")/lines.sh"
runs=${RUNS:-5}
bench=${BENCH_INFERENCE:-$release/BenchInference}
[ -x "$bench" ] || die "$bench is missing; run: make build"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
models=${MODELS:-$folder}

# usage: peer_rate BIN MODEL MEASURE THREADS: tokens a second of one run.
peer_rate() {
  case "$3" in
    decode) "$1/llama-bench" -m "$2" -p 0 -n 32 -r 1 -t "$4" -o json | jq '.[0].avg_ts' ;;
    prefill) "$1/llama-bench" -m "$2" -p 512 -n 0 -r 1 -t "$4" -o json | jq '.[0].avg_ts' ;;
    batch8)
      "$1/llama-batched-bench" -m "$2" -c 1024 -npp 16 -ntg 32 -npl 8 -t "$4" -tb "$4" \
        2>&1 | awk -F'|' '$2 + 0 > 0 { rate = $9 + 0 } END { print rate ? rate : "null" }'
      ;;
  esac 2>>"$folder/peers.log"
}

# usage: measure SHAPE MEASURE THREADS PEER...
measure() {
  local shape=$1 measure=$2 threads=$3 name bin model rate
  shift 3
  local ours="$folder/ours" gbps="GBPS_$threads" gmacs="GMACS_$threads"
  local -a limits=()
  [ -z "${!gbps:-}" ] || limits+=(--bandwidth "${!gbps}")
  [ -z "${!gmacs:-}" ] || limits+=(--multiply-adds "${!gmacs}")
  : >"$ours"
  : >"$folder/rates"
  for ((run = 0; run < runs; run++)); do
    "$bench" --shape "$shape" --measure "$measure" --threads "$threads" --runs 1 \
      --embeddings "${EMBEDDINGS:-int8}" "${limits[@]}" \
      --file "$models/$shape-${EMBEDDINGS:-int8}.safetensors" >>"$ours"
    for peer in "$@"; do
      IFS=, read -r name bin model <<<"$peer"
      rate=$(peer_rate "$bin" "$model" "$measure" "$threads") ||
        die "$name failed: $(tail -n 3 "$folder/peers.log")"
      awk "BEGIN { exit !(${rate/null/0} > 0) }" ||
        die "$name gave no figure for $measure: $(tail -n 3 "$folder/peers.log")"
      echo "$name $rate" >>"$folder/rates"
    done
  done
  local best_name=null best=null
  while read -r name; do
    rate=$(median $(awk -v name="$name" '$1 == name { print $2 }' "$folder/rates"))
    echo "  $name $measure, $threads threads: $rate tokens/s" >&2
    if [ "$best" = null ] || awk "BEGIN { exit !($rate > $best) }"; then
      best=$rate best_name="\"$name\""
    fi
  done < <(cut -d ' ' -f 1 "$folder/rates" | sort -u)
  jq -cs --argjson peer "$best" --argjson name "$best_name" '
    def median: sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2;
    (map(.ours) | median) as $ours
    | .[0] + {ours: $ours, runs: length, peer: $peer, peer_name: $name,
        ratio: (if $peer then $ours / $peer else null end),
        share_of_limit: (if .[0].limit then $ours / .[0].limit else null end)}' "$ours" |
    tee -a "$folder/lines"
}

for shape in ${SHAPES:-2b4t 7b qwen3-0.6b}; do
  case "$shape" in
    2b4t) preset=bitnet-2b4t peers=${PEERS_2B4T:-} ;;
    7b) preset=7b peers=${PEERS_7B:-} ;;
    qwen3-0.6b) preset=qwen3-0.6b peers=${PEERS_QWEN3:-} ;;
    *) die "SHAPES knows 2b4t, 7b and qwen3-0.6b, not $shape" ;;
  esac
  for measure in ${MEASURES:-decode prefill batch8}; do
    for threads in ${THREADS:-1 2}; do
      # shellcheck disable=SC2086 # peers are separated by spaces
      measure "$preset" "$measure" "$threads" $peers
    done
  done
done
echo
table <"$folder/lines"
