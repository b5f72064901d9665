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

# usage: teacher_model: the teacher that TEACHER_MODEL names, else the one made here.
teacher_model() {
  local named=${TEACHER_MODEL:-$(sed -n 's/^TEACHER_MODEL=//p' .env 2>/dev/null || true)}
  if [ -n "$named" ]; then echo "$named"; else need pretrain; fi
}

make_pretrain() { run pretrain train; }
make_teacher() { run teacher teacher --set "teacher.model=$(teacher_model)"; }
make_collect() { run collect collect --set "teacher.model=$(teacher_model)"; }
make_train() {
  run train train --set "traces=$(need collect)" --set "model.init_from=$(teacher_model)" \
    --set model.quantization=ternary --set model.sub_norm=true
}
make_eval() {
  run eval eval --set "models.teacher=$(teacher_model)" --set "models.student=$(need train)"
}
make_dryrun() { run dryrun dryrun; }
make_pipeline() { "$release/bitnet" pipeline -f deploy/specs/demo.json --watch; }

make_"$kind"
