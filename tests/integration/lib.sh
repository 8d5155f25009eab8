# Verbs for scenarios against a real local fleet. Sourced; BIN is the folder of the built programs.
# shellcheck shell=bash
set -euo pipefail
BIN=${BIN:?the folder of the built programs}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
WORK=$(mktemp -d "${TMPDIR:-/tmp}/flyball-test.XXXXXX")
DATA=$WORK/data
UP_PID=
SCENARIO=
CHECKS=0

cleanup() {
  local status=$?
  set +eE
  trap - ERR
  if [ -n "$UP_PID" ] && kill -0 "$UP_PID" 2>/dev/null; then
    kill -INT "$UP_PID" 2>/dev/null
    for _ in $(seq 200); do kill -0 "$UP_PID" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$UP_PID" 2>/dev/null
  fi
  if declare -F at_exit >/dev/null; then at_exit $status; fi  # what a scenario itself has to end or to tell
  for pid in $(jobs -pr); do kill "$pid" 2>/dev/null; done
  [ $status -eq 0 ] || [ $status -eq 77 ] || tell_failure "$status"
  rm -rf "$WORK"
  exit $status
}
# The logs first and the reason last: whoever cuts a long output keeps its end. Lines of the access log tell nothing here.
tell_failure() {
  [ ! -f "$WORK/up.log" ] || { echo "--- up.log"; tail -40 "$WORK/up.log"; }
  for log in "$DATA"/logs/*.log; do
    [ ! -f "$log" ] || { echo "--- ${log##*/}"; grep -v '"message":"access"' "$log" | tail -6; }
  done
  echo "--- scenario: ${SCENARIO:-start} (exit $1)"
  head -c 4000 "$WORK/reason" 2>/dev/null || cat "$WORK/broke" 2>/dev/null || echo "FAIL: ended by itself or by a signal"
}
trap cleanup EXIT
# For a failure that no verb words: the last command that failed, in functions and subshells too.
trap 'echo "FAIL: line $LINENO: $BASH_COMMAND" >"$WORK/broke"' ERR
set -E

scenario() { SCENARIO=$1; printf '* %s\n' "$1"; }
fail() { [ -s "$WORK/reason" ] || printf 'FAIL: %s\n' "$*" >"$WORK/reason"; printf 'FAIL: %s\n' "$*" >&2; exit 1; }
# same WANT GOT WHAT
same() { CHECKS=$((CHECKS + 1)); [ "$1" = "$2" ] || fail "$3: expected '$1', got '$2'"; }
# has TEXT PATTERN WHAT
has() { CHECKS=$((CHECKS + 1)); grep -qE -- "$2" <<<"$1" || fail "$3: no '$2' in: ${1:0:2000}"; }
# holds 'awk expression' WHAT
holds() { CHECKS=$((CHECKS + 1)); awk "BEGIN { exit !($1) }" || fail "$2: $1"; }
# eventually SECONDS COMMAND...: waits for the command to succeed
eventually() {
  local deadline=$((SECONDS + $1)); shift
  until "$@"; do [ $SECONDS -lt $deadline ] || return 1; sleep 0.1; done
}

free_port() {
  local port
  for _ in $(seq 50); do
    port=$((20000 + RANDOM % 12000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
  return 1
}

# up FLAGS...: starts a fleet on free ports and waits until a pod answers; sets API, CONSOLE, UP_PID.
up() {
  PORT=$(free_port) CONSOLE_PORT=$(free_port)
  API=http://127.0.0.1:$PORT
  "$BIN/flyballctl" up --data "$DATA" --port "$PORT" --console-port "$CONSOLE_PORT" "$@" >"$WORK/up.log" 2>&1 &
  UP_PID=$!
  eventually 60 fleet_ready || fail "the fleet did not come up in 60 s"
}
fleet_ready() {
  kill -0 "$UP_PID" 2>/dev/null || fail "flyballctl up ended by itself"
  [ -f "$DATA/run.json" ] && curl -fs -o /dev/null "$API/readyz"
}
# down: Ctrl-C; sets DOWN_STATUS
down() {
  kill -INT "$UP_PID"
  set +e; wait "$UP_PID"; DOWN_STATUS=$?; set -e
  UP_PID=
}

# call METHOD PATH [BODY [CURL_FLAGS...]]: sets STATUS, BODY and HEADERS; sends TOKEN when set, no body when it is empty.
call() {
  local args=(-s -X "$1" -D "$WORK/headers" -o "$WORK/body" -w '%{http_code}')
  [ -z "${TOKEN:-}" ] || args+=(-H "Authorization: Bearer $TOKEN")
  [ -z "${3:-}" ] || args+=(-H 'Content-Type: application/json' --data-binary "$3")
  [ $# -lt 4 ] || args+=("${@:4}")
  : >"$WORK/body"
  STATUS=$(curl "${args[@]}" "$API$2") || true
  BODY=$(tr -d "\0" <"$WORK/body") HEADERS=$(tr -d '\r' <"$WORK/headers")
}
header() { sed -n "s/^$1: //Ip" <<<"$HEADERS" | head -1; }
json() { jq -r "$1" <<<"$BODY"; }
status_json() { "$BIN/flyballctl" status --data "$DATA" -o json; }
register() {  # register EMAIL -> prints the access token
  TOKEN='' call POST /api/v1/auth/register "{\"email\":\"$1\",\"name\":\"Test\",\"password\":\"correct horse battery\"}"
  [ "$STATUS" = 201 ] || fail "register $1: $STATUS $BODY"
  json .accessToken
}
passed() { printf 'passed: %d checks\n' "$CHECKS"; }
