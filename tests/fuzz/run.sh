#!/usr/bin/env bash
# run.sh BUILD_DIR SECONDS JOBS: replays each target's corpus (tests/fuzz/corpus/TARGET), then fuzzes it for SECONDS.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 seconds=$2 jobs=$3
mapfile -t targets < <(git ls-files --cached --others --exclude-standard | grep -E 'CMakeLists.txt$' | xargs grep -hoE 'flyball_fuzz\(NAME [a-z0-9_]+' | awk '{print $2}')
[ ${#targets[@]} -gt 0 ] || { echo "no fuzz targets found"; exit 1; }
cmake --build "$build" -j "$jobs" --target "${targets[@]}"
for target in "${targets[@]}"; do
  corpus=tests/fuzz/corpus/$target
  [ -d "$corpus" ] || { echo "$target has no corpus in $corpus"; exit 1; }
  work=$build/corpus/$target
  mkdir -p "$work"
  if ! "$build/bin/$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
       "$work" "$corpus" >"$build/$target.log" 2>&1; then
    tail -40 "$build/$target.log"; echo "$target: finding"; exit 1
  fi
  echo "$target: $(find "$corpus" -type f | wc -l) inputs replayed, $(sed -n 's/^stat::number_of_executed_units: *//p' "$build/$target.log") runs, 0 findings"
done
echo "${#targets[@]} passed, 0 failed"
