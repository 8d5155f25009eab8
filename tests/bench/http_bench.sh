#!/usr/bin/env bash
# A fixed answer through the whole of flyball-api (H1, and H2: 16 requests pipelined) beside nginx `return 200`, nginx that
# sends the same header lines as flyball-api, stock Pistache, and our HTTP layer alone, with as many workers each, in
# interleaved rounds.
#   tests/bench/http_bench.sh [build=build/release] [rounds=9] [seconds=3] [connections=64] [workers=2]
# Writes BUILD/../bench/report.md. CPU time a request is what counts: wrk runs on the same machine, and requests/s of one
# server alone vary by 12 %.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release} rounds=${2:-9} seconds=${3:-3} connections=${4:-64} workers=${5:-2}
cmake --build "$build" --target http_floor pistache_floor flyball-api attack_test >/dev/null
mkdir -p build/bench
report=build/bench/report.md folder=$(mktemp -d)
declare -A pid port path
cleanup() {
  for name in "${!pid[@]}"; do kill -TERM "${pid[$name]}" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

base=$((20000 + RANDOM % 12000))
port=([flyball]=$base [nginx]=$((base + 1)) [pistache]=$((base + 2)) [floor]=$((base + 3)) [same]=$((base + 4)))
path=([flyball]=/healthz [nginx]=/ [pistache]=/ [floor]=/ [same]=/)
# wait_for NAME: until it answers
wait_for() {
  for _ in $(seq 200); do
    curl -fs -o /dev/null "http://127.0.0.1:${port[$1]}${path[$1]}" && return
    sleep 0.05
  done
  echo "$1 does not answer"; exit 1
}
mkdir "$folder/data"
"$build/bin/flyball-api" manifests/samples/load.yaml --data "$folder/data" --port "${port[flyball]}" --reactors "$workers" \
  --workers "$workers" --redis none 2>"$folder/flyball.log" & pid[flyball]=$!
wait_for flyball
# Its answer's fields, as nginx is told to send them; what nginx makes by itself is left out.
same_lines=$(curl -fsi "http://127.0.0.1:${port[flyball]}/healthz" | tr -d '\r' | awk -F': ' '
  NR > 1 && NF > 1 && !/^(Date|Content-Type|Content-Length|X-Request-Id): / {printf "add_header %s \"%s\";\n", $1, substr($0, length($1) + 3)}')
[ -n "$same_lines" ]
cat >"$folder/nginx.conf" <<CONF
worker_processes $workers; daemon off; pid $folder/nginx.pid; error_log $folder/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000;
  server { listen 127.0.0.1:${port[nginx]} reuseport backlog=4096;
    location / { default_type application/json; return 200 '{"status":"ok"}'; } }
  server { listen 127.0.0.1:${port[same]} reuseport backlog=4096;
    $same_lines
    add_header X-Request-Id \$request_id;
    location / { default_type application/json; return 200 '{"status":"ok"}'; } } }
CONF
PATH=$PATH:/usr/sbin nginx -e "$folder/error.log" -c "$folder/nginx.conf" -p "$folder" & pid[nginx]=$!
pid[same]=${pid[nginx]}
"$build/bin/http_floor" "$workers" 15 "${port[floor]}" >/dev/null & pid[floor]=$!
"$build/bin/pistache_floor" "$workers" "${port[pistache]}" >/dev/null & pid[pistache]=$!
for name in nginx same pistache floor; do wait_for "$name"; done
cat >"$folder/pipeline.lua" <<'LUA'
init = function()
  local one = wrk.format()
  sixteen = one:rep(16)
end
request = function() return sixteen end
LUA

# bytes NAME: of its answer, head and body
bytes() { curl -fsi "http://127.0.0.1:${port[$1]}${path[$1]}" | wc -c; }

# CPU time so far, in nanoseconds, of a process and its children that are alive.
cpu() { for p in "$1" $(pgrep -P "$1" || true); do cat "/proc/$p"/task/*/schedstat; done | awk '{sum += $1} END {printf "%.0f", sum}'; }

# wrk has as many threads as a server has workers: with one, its reading of answers bounds what is pipelined, not the server.
# measure TEST NAME WRK_FLAGS...: a line "test name requests/s microseconds-a-request errors"
measure() {
  local test=$1 name=$2 before after
  shift 2
  before=$(cpu "${pid[$name]}")
  wrk -t"$workers" -c"$connections" -d"${seconds}s" -H 'Connection: keep-alive' "$@" "http://127.0.0.1:${port[$name]}${path[$name]}" >"$folder/wrk.txt"
  after=$(cpu "${pid[$name]}")
  awk -v test="$test" -v name="$name" -v t=$((after - before)) '
    /requests in/ {n = $1} /Requests\/sec/ {rps = $2} /Socket errors|Non-2xx/ {errors = $0}
    END {printf "%s %s %.0f %.3f %s\n", test, name, rps, t / 1e3 / n, errors == "" ? "-" : errors}' "$folder/wrk.txt"
}

for name in flyball nginx same pistache floor; do measure warm "$name" >/dev/null; done
for ((i = 0; i < rounds; ++i)); do
  for name in flyball nginx same pistache floor; do measure H1 "$name"; done
  for name in flyball nginx same floor; do measure H2 "$name" -s "$folder/pipeline.lua"; done
done | tee "$folder/all.txt"
! grep -vE -- '-$' "$folder/all.txt" || { echo "a server failed requests"; exit 1; }

# median_of: the median, the least and the most of the numbers on standard input
median_of() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)], v[1], v[NR]}'; }
column() { awk -v t="$1" -v n="$2" -v c="$3" '$1 == t && $2 == n {print $c}' "$folder/all.txt"; }
# row TEST NAME TITLE
row() {
  read -r rps rps_least rps_most < <(column "$1" "$2" 3 | median_of)
  read -r us us_least us_most < <(column "$1" "$2" 4 | median_of)
  echo "| $3 | $rps | $rps_least to $rps_most | $us | $us_least to $us_most |"
}
# ratio TEST A B COLUMN: median and spread of A/B, round by round
ratio() { paste <(column "$1" "$2" "$4") <(column "$1" "$3" "$4") | awk '{printf "%.3f\n", $1 / $2}' | median_of; }
# goal TEST A B COLUMN TEXT 'awk expression of r'
goal() {
  read -r median least most < <(ratio "$1" "$2" "$3" "$4")
  echo "| $5 | $median | $least to $most | $(awk -v r="$median" "BEGIN {print $6}") |"
}

head="| server | requests/s, median | spread | CPU us a request, median | spread |
|---|---|---|---|---|"
{
  echo "# Benchmarks of the HTTP layer"
  echo
  echo "$(date -u +%F), commit $(git rev-parse --short HEAD), $(nproc) cores of $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), Linux $(uname -r), load average $(cut -d' ' -f1 /proc/loadavg)."
  echo "$(PATH=$PATH:/usr/sbin nginx -v 2>&1 | sed 's/.*: //'), libpistache $(dpkg-query -W -f '${Version}' libpistache-dev), $(wrk -v 2>&1 | awk 'NR == 1 {print $1, $2, $3}'), $(g++ --version | head -1)."
  echo
  echo "\`tests/bench/http_bench.sh $build $rounds $seconds $connections $workers\`: $rounds interleaved rounds of $seconds s, $connections connections, $workers workers each."
  echo "flyball-api answers \`GET /healthz\` on the API's port: router, request id, metrics and security headers included."
  echo "Bytes of an answer: flyball-api $(bytes flyball), nginx $(bytes nginx), nginx with the same lines (and its own Server and Connection) $(bytes same)."
  echo
  echo "## H1: a fixed answer"; echo
  echo "$head"
  row H1 flyball "flyball-api, whole chain"
  row H1 floor "our HTTP layer alone"
  row H1 nginx "nginx return 200"
  row H1 same "nginx return 200 with flyball-api's header lines"
  row H1 pistache "stock Pistache Http::Endpoint"
  echo
  echo "## H2: 16 requests pipelined"; echo
  echo "$head"
  row H2 flyball "flyball-api, whole chain"
  row H2 floor "our HTTP layer alone"
  row H2 nginx "nginx return 200"
  row H2 same "nginx return 200 with flyball-api's header lines"
  echo
  echo "## Ratios, round by round"; echo
  echo "| what | median | spread | goal |"
  echo "|---|---|---|---|"
  goal H1 flyball nginx 4 "H1: CPU a request, flyball-api / nginx (<= 1.1)" '(r <= 1.1) ? "met" : "not met"'
  goal H1 flyball pistache 4 "H1: CPU a request, flyball-api / Pistache (<= 0.75)" '(r <= 0.75) ? "met" : "not met"'
  goal H1 flyball nginx 3 "H1: requests/s, flyball-api / nginx" '"-"'
  goal H1 flyball same 4 "H1: CPU a request, flyball-api / nginx with the same lines" '"-"'
  goal H2 flyball same 3 "H2: requests/s, flyball-api / nginx with the same lines (>= 4)" '(r >= 4) ? "met" : "not met"'
  goal H2 flyball same 4 "H2: CPU a request, flyball-api / nginx with the same lines (<= 0.25)" '(r <= 0.25) ? "met" : "not met"'
  goal H2 flyball nginx 3 "H2: requests/s, flyball-api / nginx return 200 (>= 4)" '(r >= 4) ? "met" : "not met"'
  goal H2 flyball nginx 4 "H2: CPU a request, flyball-api / nginx return 200 (<= 0.25)" '(r <= 0.25) ? "met" : "not met"'
  goal H1 floor nginx 4 "the HTTP layer alone: CPU a request / nginx" '"-"'
  echo
  echo "## A8: 10,000 idle connections"; echo
  "$build/bin/attack_test" --gtest_brief=1 --gtest_filter='*TenThousandIdle*' | grep idle
} >"$report"
echo; cat "$report"
