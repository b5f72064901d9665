#!/usr/bin/env bash
# The evidence for BitNet Distillation: full-precision, direct ternary and distilled students of one
# shape on SST-2, with the ablation, over several seeds.
# usage: TRAIN=sst2-train.tsv DEV=sst2-dev.tsv FOLDER=DIR [TEXT=more.txt] [SEEDS="1 2 3"]
#        [ABLATION_SEEDS="1 2 3"] [WIDTH=128 LAYERS=4] [LABELS=60000]
#        [BASE_STEPS=1000 CONTINUED_STEPS=300 STEPS=1000 BATCH=64] [KD=1 AD=10]
#        [TEACHER_RATE=0.001 DIRECT_RATE=0.001 DISTILL_RATE=0.002] bench/bitdistill.sh
#        … RATES="0.001 0.002" bench/bitdistill.sh tune    judges learning rates by held-out examples
#        FOLDER=DIR bench/bitdistill.sh table               sums up what is there
#
# A base is trained on the sentences of TRAIN, without their labels, and on TEXT; all seeds share it.
# Then a pipeline for each seed fine-tunes on the first LABELS examples, converts, pre-trains further,
# distils, and judges on DEV, which nothing else reads. FOLDER keeps the daemon's data; a run that was
# stopped goes on there. The last 5 % of TRAIN are held out, for choices.
source "$(dirname "$0")/lines.sh"
folder=${FOLDER:-}
[ -n "$folder" ] || die "FOLDER must name a folder for the daemon's data"
mkdir -p "$folder"

# usage: table: mean ± deviation over the seeds, per model, from the evaluations' reports.
table_of() {
  jq -s '
    def mean: add / length;
    def deviation: mean as $m | if length > 1 then (map(. - $m | . * .) | add / (length - 1) | sqrt)
      else null end;
    [.[].models | to_entries[]
      | {name: .key, accuracy: (.value.tasks[0].figures[] | select(.metric == "accuracy").value),
         prefill: .value.speed.prefill_tokens_per_s, decode: .value.speed.decode_tokens_per_s,
         weights: .value.weight_bytes}]
    | group_by(.name)
    | map({name: .[0].name, runs: length, accuracy: (map(.accuracy) | mean),
        deviation: (map(.accuracy) | deviation), each: map(.accuracy),
        decode_tokens_per_s: (map(.decode // 0) | mean),
        weight_bytes: .[0].weights})' "$folder"/report_*.json
}

show() {
  table_of | tee "$folder/table.json" | jq -c '.[] | {bench: "bitdistill", case: .name, threads: null,
    ours: (.accuracy * 1000 | round / 1000), peer: null, peer_name: null, unit: "accuracy",
    ratio: null, runs: .runs, peak_rss_ratio: null, limit: null, share_of_limit: null}'
  jq -r '["model", "accuracy %", "± over seeds", "decode tokens/s", "weight MiB", "each seed"],
    (sort_by(-.accuracy)[] | [.name, (.accuracy * 10000 | round / 100),
      ((.deviation // 0) * 10000 | round / 100), (.decode_tokens_per_s | round),
      (.weight_bytes / 1048576 * 100 | round / 100),
      (.each | map(. * 10000 | round / 100 | tostring) | join(" "))]) | @tsv' "$folder/table.json" |
    column -t -s "$(printf '\t')"
}

if [ "${1:-}" = table ]; then
  show
  exit
fi
for name in TRAIN DEV; do
  [ -f "${!name:-}" ] || die "$name must name a file"
done
for tool in curl jq; do
  command -v "$tool" >/dev/null || die "$tool is missing; on Debian: apt-get install $tool"
done
bitnetd=${BITNETD:-$release/bitnetd}
[ -x "$bitnetd" ] || die "$bitnetd is missing; run: make build"
train=$(realpath "$TRAIN") dev=$(realpath "$DEV")
{ ${TEXT:+cat "$TEXT"}; tail -n +2 "$TRAIN" | cut -f1; } >"$folder/text.txt"
text=$(realpath "$folder/text.txt")

: >"$folder/listening"
"$bitnetd" serve --data "$folder/data" --listen 127.0.0.1:0 >"$folder/listening" 2>>"$folder/log" &
daemon=$!
trap 'kill -TERM "$daemon" 2>/dev/null; wait "$daemon" || true' EXIT
until grep -q '^listening on ' "$folder/listening"; do
  kill -0 "$daemon" 2>/dev/null || die "bitnetd ended: $(tail -1 "$folder/log")"
  sleep 0.05
done
url=$(sed -n 's/^listening on //p' "$folder/listening")
echo "$url" >"$folder/url"

# usage: post PATH KEY BODY: the same key again answers with what was submitted first.
post() {
  curl -sS --fail-with-body -H 'Content-Type: application/json' -H "Idempotency-Key: $2" \
    -d "$3" "$url/v1/$1"
}

# usage: finished JOB: waits for its end.
finished() {
  local state
  while :; do
    state=$(curl -sS "$url/v1/jobs/$1?wait=60" | jq -r '.state')
    case $state in
      succeeded) return ;;
      failed | cancelled) die "job $1: $(curl -sS "$url/v1/jobs/$1" | jq -c .problem)" ;;
    esac
  done
}

base=$(post jobs base "$(jq -n --arg text "$text" --argjson steps "${BASE_STEPS:-1000}" \
  --argjson width "${WIDTH:-128}" --argjson layers "${LAYERS:-4}" '{
  kind: "train", name: "base", spec: {method: "pretrain",
    model: {preset: "demo", hidden_size: $width, intermediate_size: (3 * $width),
      num_hidden_layers: $layers, num_attention_heads: ($width / 32), qk_norm: true,
      quantization: "none"},
    corpus: {path: $text, validation_fraction: 0.02, test_fraction: 0},
    tokenizer: {train: {vocab_size: 4096}}, sequence_length: 128, batch_size: 16, steps: $steps,
    optimizer: {learning_rate: 0.002}}}')" | jq -r .id)
finished "$base"

task=$(jq -cn --arg train "$train" --argjson labels "${LABELS:-60000}" \
  '{task: "sst2", path: $train, limit: $labels, held_out_fraction: 0.05}')
losses=$(jq -cn --argjson kd "${KD:-1}" --argjson ad "${AD:-10}" '{kd: {weight: $kd}, ad: {weight: $ad}}')
fine=$(jq -cn --argjson steps "${STEPS:-1000}" \
  --argjson batch "${BATCH:-64}" \
  '{sequence_length: 64, batch_size: $batch, steps: $steps, log_every: 20}')

# usage: with_rate SPEC RATE
with_rate() { jq -c --argjson rate "$2" '. + {optimizer: {learning_rate: $rate}}' <<<"$1"; }

# usage: trained NAME SPEC: the job's id, when it is done.
trained() {
  local job
  job=$(post jobs "$1" "$(jq -n --arg name "$1" --argjson spec "$2" \
    '{kind: "train", name: $name, spec: $spec}')" | jq -r .id)
  finished "$job"
  echo "$job"
}

# usage: told NAME JOB: what it came to on the held-out examples.
told() {
  curl -sS "$url/v1/jobs/$2" | jq -c --arg name "$1" '{name: $name,
    held_out: .result.validation_task.figures[0].value, loss: .result.final_loss}'
}

if [ "${1:-}" = tune ]; then
  for rate in ${RATES:-0.001 0.002}; do
    for kind in none ternary; do
      spec=$(jq -c --arg base "$base" --arg kind "$kind" --argjson task "$task" '. + {
        method: "direct", model: {init_from: $base, quantization: $kind}, corpus: $task}' <<<"$fine")
      name="tune $kind $rate"
      told "$name" "$(trained "$name" "$(with_rate "$spec" "$rate")")"
    done
  done
  teacher=$(trained "tune teacher" "$(with_rate "$(jq -c --arg base "$base" \
    --argjson task "$task" '. + {method: "direct", corpus: $task,
      model: {init_from: $base, quantization: "none"}}' <<<"$fine")" "${TEACHER_RATE:-0.001}")")
  continued=$(trained "tune continued" "$(jq -nc --arg base "$base" --arg text "$text" \
    --argjson steps "${CONTINUED_STEPS:-300}" '{method: "pretrain",
      model: {init_from: $base, quantization: "ternary", sub_norm: true},
      corpus: {path: $text, validation_fraction: 0.02, test_fraction: 0}, sequence_length: 128,
      batch_size: 16, steps: $steps, optimizer: {learning_rate: 0.002}}')")
  for rate in ${RATES:-0.001 0.002}; do
    name="tune distill $rate"
    spec=$(jq -c --arg start "$continued" --arg teacher "$teacher" --argjson task "$task" \
      --argjson losses "$losses" '. + {method: "distill",
      model: {init_from: $start}, teacher: $teacher, corpus: $task,
      losses: $losses}' <<<"$fine")
    told "$name" "$(trained "$name" "$(with_rate "$spec" "$rate")")"
  done
  exit
fi

for seed in ${SEEDS:-1 2 3}; do
  case " ${ABLATION_SEEDS-1 2 3} " in *" $seed "*) ablation=true ;; *) ablation=false ;; esac
  pipeline=$(post pipelines "seed-$seed" "$(jq -n --arg base "$base" --arg text "$text" \
    --arg dev "$dev" --argjson seed "$seed" --argjson ablation "$ablation" --argjson task "$task" \
    --argjson continued "${CONTINUED_STEPS:-300}" \
    --argjson teacher "$(with_rate "$fine" "${TEACHER_RATE:-0.001}")" \
    --argjson direct "$(with_rate "$fine" "${DIRECT_RATE:-0.001}")" \
    --argjson distill "$(with_rate "$fine" "${DISTILL_RATE:-0.002}")" --argjson losses "$losses" '
    {recipe: "bitdistill", name: "seed \($seed)", seed: $seed, model: $base, ablation: $ablation,
      corpus: {path: $text, validation_fraction: 0.02, test_fraction: 0}, task: $task,
      evaluation: {task: "sst2", path: $dev}, teacher: $teacher,
      continued: {sequence_length: 128, batch_size: 16, steps: $continued,
        optimizer: {learning_rate: 0.002}},
      direct: $direct, distill: ($distill + {losses: $losses})}')")
  last=$(jq -r .last <<<"$pipeline")
  finished "$last"
  curl -sS "$url/v1/jobs/$last/artifacts/mini_evaluation_report.json" >"$folder/report_$seed.json"
  for job in $(jq -r '.jobs[]' <<<"$pipeline"); do
    curl -sS "$url/v1/jobs/$job" | jq -c '{name, seconds: ((.finished_at | sub("\\.[0-9]+"; "") |
      fromdate) - (.started_at | sub("\\.[0-9]+"; "") | fromdate)), validation:
      (.result.validation_task.figures // [])}'
  done | tee "$folder/jobs_$seed.jsonl"
done
show
