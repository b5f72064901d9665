#!/usr/bin/env bash
# The long reliability runs: the daily tests' own code, at other sizes. Stops at the first failure,
# whose output names the seed.
# usage: [TORTURE=167] [ROUNDS=20] bench/torture.sh
#
# TORTURE multiplies the random tests of the job store: 6 kills at random moments and 3,600 racing
# calls at 1, about 1,000 kills and 600,000 calls at 167. ROUNDS is how often the end-to-end tests
# kill, drain and cancel a training daemon, six kills and more a round, and compare final weights.
source "$(dirname "$0")/lines.sh"
rounds=${ROUNDS:-20}
export TORTURE=${TORTURE:-167}
# The words of `make test`, so that nothing is built twice.
swift build --build-tests --explicit-target-dependency-import-check error

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# usage: passes FILTER: prints how long the tests took, or everything when one failed or none ran.
passes() {
  if ! swift test --skip-build --filter "$1" >"$log" 2>&1 ||
    ! grep -E 'Test run with [1-9].* passed' "$log"; then
    cat "$log"
    die "$1 did not pass"
  fi
}

echo "job store, TORTURE=$TORTURE"
passes 'JobStoreTests\.(CrashTests|RaceTests)'
for ((round = 1; round <= rounds; round++)); do
  echo "resume, round $round of $rounds"
  passes 'EndToEndTests\.ResumeTests'
done
