#!/usr/bin/env bash
# The demo: a daemon of its own in demo/, the pipeline of deploy/specs/demo.json, its report.
source "$(dirname "$0")/daemon.sh"
unset BITNET_URL
started=$SECONDS
with_daemon demo
"$release/bitnet" pipeline -f deploy/specs/demo.json --watch
echo
echo "Took $((SECONDS - started)) s. Everything is in demo/: the report is demo/report.html."
