# Sourced by the scripts beside it: uses the daemon at BITNET_URL when one is named, else starts
# one on a free loopback port and ends it, by its process id, when the script ends.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
release=.build/release

# usage: with_daemon DATA_FOLDER
with_daemon() {
  if [ -n "${BITNET_URL:-}" ]; then
    "$release/bitnet" health >/dev/null || exit 3
    return
  fi
  mkdir -p "$1"
  local arguments=(serve --data "$1" --listen 127.0.0.1:0)
  [ ! -f .env ] || arguments+=(--env .env)
  "$release/bitnetd" "${arguments[@]}" >"$1/listening" 2>>"$1/bitnetd.log" &
  daemon=$!
  trap 'kill -TERM "$daemon" 2>/dev/null; wait "$daemon" 2>/dev/null || true' EXIT
  until grep -q '^listening on ' "$1/listening"; do
    kill -0 "$daemon" 2>/dev/null || { tail -1 "$1/bitnetd.log" >&2; exit 1; }
    sleep 0.1
  done
  BITNET_URL=$(sed -n 's/^listening on //p' "$1/listening")
  export BITNET_URL
}
