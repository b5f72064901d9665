#!/usr/bin/env bash
# Measures collections from hosted teachers against a teacher on the loopback that repeats a recorded
# reply: throughput beside what wrk gets from the same server, memory, faults, and kill -9.
# usage: [RUNS=3] [PROMPTS=10000] [KILLS=20] bench/hosted.sh [throughput|faults|kills|table FILE]...
source "$(dirname "$0")/lines.sh"
runs=${RUNS:-3} prompts=${PROMPTS:-10000} kills=${KILLS:-20}
for tool in wrk curl jq; do
  command -v "$tool" >/dev/null || die "$tool is missing; on Debian: apt-get install $tool"
done
program=${BENCH_HOSTED:-$release/BenchHosted}
[ -x "$program" ] || die "$program is missing; run: swift build -c release --product BenchHosted"
folder=$(mktemp -d "${TMPDIR:-/var/tmp}/bitnet-bench.XXXXXX")
server=
trap 'stop; rm -rf "$folder"' EXIT

# usage: serve OPTION...: starts the teacher; sets server (its process id) and url.
serve() {
  : >"$folder/url"
  "$program" serve "$@" >"$folder/url" &
  server=$!
  until [ -s "$folder/url" ]; do
    kill -0 "$server" 2>/dev/null || die "the teacher did not start"
    sleep 0.01
  done
  url=$(head -1 "$folder/url")
}

stop() {
  [ -n "$server" ] || return 0
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
}

# The same request as the collector's, by wrk: prints requests a second.
wrk_rate() {
  cat >"$folder/post.lua" <<'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"logprobs":true,"max_tokens":256,"messages":[{"content":"Question number 1, please.","role":"user"}],"model":"loopback","temperature":1,"top_logprobs":20,"top_p":1}'
LUA
  wrk -t1 -c64 -d"${1}s" -s "$folder/post.lua" "$url/chat/completions" |
    awk '/^Requests\/sec/ { print $2 }'
}

# Seconds of processor time that the teacher has used.
server_cpu() { awk -v ticks="$(getconf CLK_TCK)" '{ print ($14 + $15) / ticks }' "/proc/$server/stat"; }

# usage: throughput CASE COUNT OPTION...: a line for replies at a teacher's pace, one for memory, and
# two for what a request costs the collector and the teacher, who share the processor.
throughput() {
  local case=$1 count=$2 rates=() peaks=() costs=() teacher=() ours peer growth before
  shift 2
  for ((run = 0; run < runs; run++)); do
    serve "$@"
    peers+=("$(wrk_rate 4)")
    rm -rf "$folder/captures"
    before=$(server_cpu)
    "$program" collect "$url" "$folder/captures" --prompts "$count" >"$folder/result"
    teacher+=("$(jq -n "1000 * ($(server_cpu) - $before) / $count")")
    costs+=("$(jq ".cpu_seconds * 1000 / $count" "$folder/result")")
    rates+=("$(jq .per_second "$folder/result")")
    # From the first tenth on, where all buffers exist, to the end.
    peaks+=("$(jq '.resident_bytes | (max / .[1])' "$folder/result")")
    stop
  done
  ours=$(median "${rates[@]}") peer=$(median "${peers[@]}") growth=$(median "${peaks[@]}")
  peers=()
  line teachers "$case" 1 "$ours" requests/s "$runs" |
    jq -c --argjson peer "$peer" '.peer = $peer | .peer_name = "wrk -c64" | .ratio = .ours / $peer'
  line teachers "$case-memory-growth" 1 "$growth" ratio "$runs"
  line teachers "$case-cpu" 1 "$(median "${costs[@]}")" ms/request "$runs"
  line teachers "$case-cpu-teacher" 1 "$(median "${teacher[@]}")" ms/request "$runs"
}
peers=()

faults() {
  serve --faults 0.05 --tokens 16 --latency 2
  rm -rf "$folder/captures"
  "$program" collect "$url" "$folder/captures" --prompts "$prompts" --timeout 2 >"$folder/result"
  books=$(curl -s "${url%/v1}/counts")
  jq -c --argjson books "$books" '. + {books: $books}' "$folder/result" >&2
  jq -e --argjson books "$books" --argjson all "$prompts" \
    '.end == "complete" and .stored + .given_up == $all and $books.repeated == 0' \
    "$folder/result" >/dev/null || die "a prompt was lost or paid for twice"
  line teachers "faults-5-percent" 1 "$(jq .per_second "$folder/result")" requests/s 1
  stop
}

# Kills the collector at random moments. What it had stored must not be asked for again: replies that
# were paid for twice can only be those that were on their way when it was killed.
kills() {
  serve --tokens 16 --latency 5
  rm -rf "$folder/captures"
  # So many that there are prompts left for every kill.
  local lost=0 killed=0 count=$((6 * prompts))
  for ((kill = 0; kill < kills; kill++)); do
    "$program" collect "$url" "$folder/captures" --prompts "$count" >"$folder/result" &
    local collector=$!
    sleep "$(awk -v seed="$kill$RANDOM" 'BEGIN { srand(seed); print 0.15 + rand() * 0.5 }')"
    if kill -KILL "$collector" 2>/dev/null; then killed=$((killed + 1)) lost=$((lost + 64)); fi
    wait "$collector" 2>/dev/null || true
  done
  "$program" collect "$url" "$folder/captures" --prompts "$count" >"$folder/result"
  books=$(curl -s "${url%/v1}/counts")
  jq -c --argjson books "$books" '. + {books: $books}' "$folder/result" >&2
  jq -e --argjson books "$books" --argjson all "$count" --argjson most "$lost" \
    '.end == "complete" and .stored == $all and $books.repeated <= $most
     and .requests - .stored <= $most' "$folder/result" >/dev/null ||
    die "a stored reply was paid for twice, or a prompt was lost"
  line teachers "kill-9-in-flight-lost" 1 "$(jq .repeated <<<"$books")" replies "$killed"
  stop
}

[ $# -gt 0 ] || set -- throughput faults kills
if [ "$1" = table ]; then table <"$2"; exit; fi
for what in "$@"; do
  case $what in
    throughput)
      throughput hosted-50ms 20000 --latency 50
      throughput hosted-10ms 40000 --latency 10 --tokens 16
      throughput hosted-replay 10000
      ;;
    faults) faults ;;
    kills) kills ;;
    *) die "unknown part: $what" ;;
  esac
done | tee "$folder/lines"
table <"$folder/lines"
