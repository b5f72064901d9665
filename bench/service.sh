#!/usr/bin/env bash
# Measures the HTTP side and the job store of the release daemon, with JOBS jobs in its database.
# usage: [JOBS=100000] [RUNS=5] [SECONDS_EACH=5] [LIST_CLIENTS=8] bench/service.sh
#
# The jobs must not run, or they would take the processor from what is measured. So they come
# `after` one job, the blocker, which waits out a back-off until tomorrow and costs nothing: they
# are submitted, checked, stored and listed as any other, and stay `waiting`. The API has no way to
# ask for such a back-off, so it is written into the database while the daemon is down. The oldest
# jobs come after a failed job instead and are therefore `cancelled`, so that a filter by state
# has something to skip.
source "$(dirname "$0")/lines.sh"
jobs=${JOBS:-100000} runs=${RUNS:-5} seconds=${SECONDS_EACH:-5} list_clients=${LIST_CLIENTS:-8}
export HTTP_THREADS=${HTTP_THREADS:-2}
for tool in wrk curl jq python3; do
  command -v "$tool" >/dev/null || die "$tool is missing; on Debian: apt-get install $tool"
done
[ -x "$release/bitnetd" ] || die "$release/bitnetd is missing; run: make build"

# Not in /tmp, which is memory on many systems, where an fsync costs nothing.
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/bitnet-bench.XXXXXX")
daemon=
trap 'stop; rm -rf "$folder"' EXIT
[ "$(stat -f -c %T "$folder")" != tmpfs ] || die "$folder is in memory; set TMPDIR to a disk"

# Starts the daemon; sets daemon (its process id), url, and start_ms (until it listens).
start() {
  local began=$EPOCHREALTIME
  "$release/bitnetd" serve --data "$folder/data" --listen 127.0.0.1:0 \
    >"$folder/listening" 2>>"$folder/log" &
  daemon=$!
  until grep -q '^listening on ' "$folder/listening"; do
    kill -0 "$daemon" 2>/dev/null || die "bitnetd ended: $(tail -1 "$folder/log")"
    sleep 0.01
  done
  url=$(sed -n 's/^listening on //p' "$folder/listening")
  start_ms=$(awk -v a="$began" -v b="$EPOCHREALTIME" 'BEGIN { print (b - a) * 1000 }')
}

stop() {
  [ -n "$daemon" ] || return 0
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" || true
  daemon=
}

# usage: submit BODY: prints the job's id.
submit() {
  curl -sS --fail-with-body -H 'Content-Type: application/json' -d "$1" "$url/v1/jobs" | jq -r .id
}

# usage: training_after JOB: a body to post, as large as users' are.
training_after() {
  jq -cn --arg after "$1" '{kind: "train", name: "bench", after: [$after], spec: {
    method: "direct", model: {preset: "demo"}, corpus: {generator: "tool_calls"},
    tokenizer: {train: {vocab_size: 1024}}, sequence_length: 96, batch_size: 16, steps: 1500,
    optimizer: {learning_rate: 0.003}, flip: {enabled: true}}}'
}

# usage: load SECONDS CONNECTIONS PATH [BODY]: prints requests a second and p99 in milliseconds.
load() {
  local output failed rate p99
  output=$(BODY=${4:-} wrk -t1 -c"$2" -d"$1s" -s bench/figures.lua "$url$3")
  read -r failed rate p99 < <(sed -n 's/^figures //p' <<<"$output") || die "wrk said: $output"
  [ "$failed" = 0 ] || die "$failed requests to $3 failed"
  echo "$rate $p99"
}

# usage: report CASE UNIT VALUE...: the median, as a line.
report() {
  local name=$1 unit=$2
  shift 2
  line service "$name" "$HTTP_THREADS" "$(median "$@")" "$unit" $# | tee -a "$folder/lines"
}

# usage: measure CASE CONNECTIONS PATH [BODY]
measure() {
  local rates=() p99s=() figures rate p99
  for ((run = 0; run < runs; run++)); do
    figures=$(load "$seconds" "$2" "$3" "${4:-}")
    read -r rate p99 <<<"$figures"
    rates+=("$rate") p99s+=("$p99")
  done
  report "$1" requests/s "${rates[@]}"
  report "$1-p99" ms "${p99s[@]}"
}

# usage: failed_job: prints the id of one that failed, as there is no such model.
failed_job() {
  local job state=queued
  job=$(submit '{"kind": "export",
    "spec": {"model": "job_00000000000000000000000001", "format": "huggingface"}}')
  while [ "$state" = queued ] || [ "$state" = running ]; do
    state=$(curl -sS "$url/v1/jobs/$job?wait=10" | jq -r .state)
  done
  [ "$state" = failed ] || die "job $job is $state"
  echo "$job"
}

start
failed=$(failed_job)
blocker=$(failed_job)
stop
python3 - "$folder/data/bitnet.sqlite" "$blocker" <<'PYTHON'
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1])
with database:
    database.execute(
        "UPDATE job SET state = 'queued', problem = NULL, finished_at = NULL, not_before = ?"
        " WHERE id = ?", ((int(time.time()) + 86_400) * 1000, sys.argv[2]))
database.close()
PYTHON
start
waiting=$(training_after "$blocker")
load 1 64 /v1/jobs "$(training_after "$failed")" >/dev/null
# With most jobs on top of it, the page after this one lies deep.
deep=$(curl -sS "$url/v1/jobs?limit=1" | jq -r '.data[0].id')
stored=0
while [ "$stored" -lt "$jobs" ]; do
  load 2 64 /v1/jobs "$waiting" >/dev/null
  stored=$(curl -sS "$url/v1/health" | jq '[.jobs[]] | add')
done
newest=$(curl -sS "$url/v1/jobs?limit=1" | jq -r '.data[0].id')
echo "$stored jobs in a database of $(du -m "$folder/data/bitnet.sqlite" | cut -f1) MiB;" \
  "load before: $(cut -d' ' -f1 /proc/loadavg)" >&2

measure http-get 64 "/v1/jobs/$newest"
measure http-list-first "$list_clients" /v1/jobs
measure http-list-deep "$list_clients" "/v1/jobs?after=$deep"
measure http-list-state "$list_clients" "/v1/jobs?state=cancelled"

starts=() bytes=()
for ((run = 0; run < runs; run++)); do
  stop
  start # what one run of streams leaves would be there for the next one
  starts+=("$start_ms")
  grown=$(python3 bench/idle_streams.py "$daemon" "$url/v1/jobs/$newest/events" 1000)
  bytes+=("$grown")
done
report start-ready ms "${starts[@]}"
report http-idle-streams bytes "${bytes[@]}"

# Last, as it makes the database larger than it was said to be.
measure http-submit 64 /v1/jobs "$waiting"
echo
table <"$folder/lines"
