#!/usr/bin/env bash
# run.sh BUILD_DIR: for each *.mutation beside this script, breaks one line, builds that room's tests and expects them to
# fail. A mutation that survives (tests stay green), does not compile, or does not apply is an error.
# Works on a copy of the sources, so a run that is cut short leaves the tree as it was.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$root" && cd "$1" && pwd)
copy=$build/mutated
mkdir -p "$copy"
rm -rf "$copy/src"
mkdir "$copy/src"
(cd "$root" && git ls-files -z --cached --others --exclude-standard | xargs -0 cp --parents -t "$copy/src")
field() { sed -n "s/^$2: //p" "$1"; }
echo "building the copy that is broken on purpose"
(cd "$copy/src" && cmake -G Ninja -S . -B "$copy/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O0) >"$copy/configure.log" 2>&1 ||
  { cat "$copy/configure.log"; exit 1; }
passed=0 failed=0
for mutation in "$here"/*.mutation; do
  name=$(basename "$mutation" .mutation)
  file=$copy/src/$(field "$mutation" file) target=$(field "$mutation" target)
  find=$(field "$mutation" find) replace=$(field "$mutation" replace)
  cp "$file" "$copy/original"
  if [ "$(grep -cF -- "$find" "$file")" != 1 ]; then
    echo "RED   $name: the text to break is not there exactly once"; failed=$((failed + 1)); continue
  fi
  FIND=$find REPLACE=$replace perl -0pi -e 's/\Q$ENV{FIND}\E/$ENV{REPLACE}/' "$file"
  if ! cmake --build "$copy/build" -j 2 --target "$target" >"$copy/build.log" 2>&1; then
    echo "RED   $name: the broken code does not compile"; tail -5 "$copy/build.log"; failed=$((failed + 1))
  elif GTEST_FAIL_FAST=1 timeout 120 "$copy/build/bin/$target" >"$copy/test.log" 2>&1; then
    echo "RED   $name: survived, $target still passes"; failed=$((failed + 1))
  else
    echo "ok    $name: $(grep -m1 -E '^\[  FAILED  \]|check failed' "$copy/test.log" || echo 'ended abnormally')"; passed=$((passed + 1))
  fi
  cp "$copy/original" "$file"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
