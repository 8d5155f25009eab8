#!/usr/bin/env bash
# instructions.sh BUILD_DIR [--write]: counts by callgrind what each step of a request and of a decision costs over the fixed
# corpus of request_path.cc, and fails when one costs over 3 % more than instructions.txt says. --write makes that file anew.
# The processor's widest instructions are left out, so that machines of different age count the same.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 kept=tests/bench/instructions.txt out=$1/request_path.callgrind
steps=(Read Route Identify Admit Decode Encode Scrape Decide)
toggles=()
for step in "${steps[@]}"; do toggles+=("--toggle-collect=flyball::(anonymous namespace)::Step$step*"); done
GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-AVX,-ERMS,-FSRM SIMDJSON_FORCE_IMPLEMENTATION=westmere \
  valgrind -q --tool=callgrind --callgrind-out-file="$out" "${toggles[@]}" "$build/bin/request_path" >"$out.log" 2>&1 ||
  { cat "$out.log"; exit 1; }
# Inclusive counts a call, by step.
callgrind_annotate --inclusive=yes --threshold=100 --auto=no "$out" |
  sed -nE 's/^ *([0-9,]+) .*::Step([A-Z][a-z]+)\(.*/\2 \1/p' | tr -d , |
  awk '{calls = $1 == "Scrape" ? 1000 : $1 == "Decide" ? 100 : 1000; if (!seen[$1]++) printf "%s %d\n", tolower($1), $2 / calls}' |
  sort >"$out.counts"
[ "$(wc -l <"$out.counts")" = ${#steps[@]} ] || { echo "not every step was counted:"; cat "$out.counts"; exit 1; }
if [ "${2:-}" = --write ]; then
  cp "$out.counts" "$kept"
  cat "$kept"
  exit 0
fi
join "$kept" "$out.counts" | awk '
  {change = ($3 / $2 - 1) * 100; bad = change > 3; failed += bad; passed += !bad
   printf "%-9s %8d instructions, kept %8d, %+.1f %%%s\n", $1, $3, $2, change, bad ? "  TOO MANY" : ""}
  END {printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0}'
