#!/usr/bin/env bash
# run.sh BUILD_DIR JOBS: the rooms with threads under ThreadSanitizer, after checking that a planted race is found.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 jobs=$2
g++ -std=c++20 -O1 -g1 -fsanitize=thread tests/tsan/planted_race.cc -o "$build/planted_race"
if "$build/planted_race" >"$build/planted_race.log" 2>&1 || ! grep -q 'data race' "$build/planted_race.log"; then
  echo "ThreadSanitizer did not find the planted race"; exit 1
fi
echo "planted race found"
tests=(base store state telemetry kube http service/load service/local service/api service/autoscaler)
targets=() names=()
for room in "${tests[@]}"; do
  [ -f "pkg/$room/CMakeLists.txt" ] || continue
  grep -q TESTS "pkg/$room/CMakeLists.txt" || continue
  targets+=("${room//\//_}_test") names+=("$room")
done
# Clients that leave at every point: a part of them, the sanitizer is slow.
targets+=(disconnects_test) names+=(framing/disconnects)
export FLYBALL_DISCONNECTS=20000
cmake --build "$build" -j "$jobs" --target "${targets[@]}"
cd "$build"
export TSAN_OPTIONS="suppressions=$PWD/../../tests/tsan/suppressions.txt halt_on_error=1 second_deadlock_stack=1"
ctest --output-on-failure -R "^($(IFS='|'; echo "${names[*]}"))\$"
