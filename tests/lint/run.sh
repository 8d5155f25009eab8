#!/usr/bin/env bash
# Formatting of C++ and the shell scripts; layering is checked by CMake whenever it configures.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t sources < <(git ls-files '*.cc' '*.h')
clang-format-14 --dry-run -Werror "${sources[@]}"
mapfile -t scripts < <(git ls-files '*.sh' .ci/run)
shellcheck "${scripts[@]}"
long=$(git ls-files 'cmd/*/main.cc' | xargs -r wc -l | awk '$2 != "total" && $1 > 40 {print $2": "$1" lines, main.cc may have 40"}')
[ -z "$long" ] || { echo "$long"; exit 1; }
macros=$(git grep -nE '^#define ' -- 'pkg/*' 'cmd/*' || true)
[ -z "$macros" ] || { echo "no macros:"; echo "$macros"; exit 1; }
echo "lint: ${#sources[@]} C++ files, ${#scripts[@]} scripts"
