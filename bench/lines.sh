# Sourced by the scripts beside it: the JSON lines that every benchmark prints, and their table.
set -euo pipefail
shopt -s inherit_errexit
export LC_ALL=C # decimal points, whatever the user's language
cd "$(dirname "${BASH_SOURCE[0]}")/.."
release=.build/release

die() { echo "error: $*" >&2; exit 1; }

# usage: median NUMBER...
median() {
  printf '%s\n' "$@" | sort -g |
    awk '{ v[NR] = $1 } END { printf "%.3f\n", (v[int((NR + 1) / 2)] + v[int((NR + 2) / 2)]) / 2 }'
}

# usage: line BENCH CASE THREADS VALUE UNIT RUNS: one of our own figures, without a peer.
line() {
  jq -cn --arg bench "$1" --arg case "$2" --argjson threads "$3" --argjson ours "$4" \
    --arg unit "$5" --argjson runs "$6" \
    '{bench: $bench, case: $case, threads: $threads, ours: $ours, peer: null, peer_name: null,
      unit: $unit, ratio: null, runs: $runs, peak_rss_ratio: null, limit: null,
      share_of_limit: null}'
}

# usage: table <LINES: the same for people.
table() {
  jq -r '[.case, .threads, .ours, .unit, .peer, .ratio, .peak_rss_ratio, .share_of_limit, .runs]
    | map(. // "-") | @tsv' | awk -F'\t' '
    function rounded(x) { return x == "-" ? x : sprintf("%.2f", x) }
    BEGIN {
      format = "%-22s %7s %14s %-10s %12s %6s %9s %9s %5s\n"
      printf format, "case", "threads", "ours", "unit", "peer", "ratio", "rss ratio", "of limit",
        "runs"
    }
    { printf format, $1, $2, rounded($3), $4, rounded($5), rounded($6), rounded($7),
        rounded($8), $9 }'
}
