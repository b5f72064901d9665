#!/usr/bin/env bash
# Lays libparquet and its headers in .deps/arrow, taken from the pyarrow wheel, because Debian 12
# has no libparquet package. Used by `make deps`; does nothing when they are already there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=26.0.1
target=.deps/arrow
[ -f "$target/version" ] && [ "$(cat "$target/version")" = "$version" ] && exit 0
command -v python3 >/dev/null || { echo "error: python3 is needed to fetch libparquet" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.11 --implementation cp --platform manylinux_2_28_x86_64 \
  --dest "$work" "pyarrow==$version" ||
  { echo "error: pip could not download pyarrow $version (libparquet comes from its wheel)" >&2; exit 1; }
python3 -m zipfile -e "$work"/pyarrow-*.whl "$work/wheel"
rm -rf "$target"
mkdir -p "$target/lib"
cp -r "$work/wheel/pyarrow/include" "$target/include"
for library in arrow parquet; do
  cp "$work"/wheel/pyarrow/lib$library.so.* "$target/lib/"
  file=$(basename "$(ls "$target"/lib/lib$library.so.* | head -1)")
  ln -sf "$file" "$target/lib/lib$library.so"
done
[ ! -d "$work/wheel/pyarrow.libs" ] || cp "$work"/wheel/pyarrow.libs/* "$target/lib/"
echo "$version" >"$target/version"
