#!/usr/bin/env bash
# usage: job.sh KIND
# Runs one kind of job from deploy/specs/KIND.json. What it needs and no earlier run left (a
# teacher model, traces, a student) is made first; the ids of earlier runs are kept by name in
# $DRIVE_ROOT/last/.
source "$(dirname "$0")/daemon.sh"
kind=$1
data=${DRIVE_ROOT:-$(sed -n 's/^DRIVE_ROOT=//p' .env 2>/dev/null || true)}
data=${data:-artifacts}
mkdir -p "$data/last"
with_daemon "$data"

# usage: run NAME KIND [--set path=value ...]: submits, watches, and remembers the job's id.
run() {
  local name=$1 kind=$2
  shift 2
  local job
  job=$("$release/bitnet" submit "$kind" -f "deploy/specs/$name.json" "$@" --json | jq -r .id)
  "$release/bitnet" watch "$job"
  echo "$job" >"$data/last/$name"
}

# usage: need NAME: prints the id of the last NAME job, making one if there is none.
need() {
  local name=$1
  if ! "$release/bitnet" show "$(cat "$data/last/$name" 2>/dev/null || echo job_none)" --json \
    2>/dev/null | jq -e '.state == "succeeded"' >/dev/null; then
    make_"$name" >&2
  fi
  cat "$data/last/$name"
}

make_pretrain() { run pretrain train; }
make_teacher() { run teacher teacher --set "teacher.model=$(need pretrain)"; }
make_collect() { run collect collect --set "teacher.model=$(need pretrain)"; }
make_train() {
  run train train --set "traces=$(need collect)" --set "tokenizer.model=$(need pretrain)"
}
make_eval() {
  run eval eval --set "models.teacher=$(need pretrain)" --set "models.student=$(need train)"
}
make_dryrun() { run dryrun dryrun; }
make_pipeline() { "$release/bitnet" pipeline -f deploy/specs/demo.json --watch; }

make_"$kind"
