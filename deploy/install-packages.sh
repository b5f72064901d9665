#!/usr/bin/env bash
# Installs the system packages that the build needs, with sudo when not root. Does nothing, and
# asks for no password, when they are all there.
set -euo pipefail
packages=(build-essential ca-certificates curl jq libcurl4-openssl-dev libmicrohttpd-dev
  libopenblas-dev libpcre2-dev libsqlite3-dev pkg-config python3 python3-pip python3-venv
  zlib1g-dev)

command -v swift >/dev/null ||
  { echo "error: Swift 6.2 or newer is needed: https://www.swift.org/install" >&2; exit 1; }

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
      missing+=("$package")
  done
else
  echo "note: no dpkg here; these are needed by their names on your system: ${packages[*]}" >&2
fi
[ ${#missing[@]} -gt 0 ] || exit 0

free_kib=$(df --output=avail -k . | tail -1)
[ "$free_kib" -gt 6000000 ] ||
  { echo "error: $((free_kib / 1024)) MiB free here; set-up and build need about 6 GiB" >&2; exit 1; }

sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null ||
    { echo "error: as root, run: apt-get install ${missing[*]}" >&2; exit 1; }
  sudo=(sudo)
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${sudo[@]}" apt-get update -q && "${sudo[@]}" apt-get install -q -y \
  --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
  grep -E '^E:' "$log" | head -3 >&2 || tail -3 "$log" >&2
  echo "error: apt-get could not install ${missing[*]}" >&2
  exit 1
fi
