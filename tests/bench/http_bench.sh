#!/usr/bin/env bash
# The fixed answer of http_floor beside nginx `return 200`, in interleaved pairs: requests/s and CPU time a request.
#   tests/bench/http_floor.sh [build=build/release] [pairs=9] [seconds=3] [connections=64] [workers=2]
# CPU time is what counts: wrk runs on the same machine, and requests/s of one server alone vary by 12 %.
set -euo pipefail
build=${1:-build/release} pairs=${2:-9} seconds=${3:-3} connections=${4:-64} workers=${5:-2}
cmake --build "$build" --target http_floor >/dev/null
folder=$(mktemp -d)
ours_port=19191 nginx_port=19192
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$folder"
}
trap cleanup EXIT

cat >"$folder/nginx.conf" <<CONF
worker_processes $workers; daemon off; pid $folder/nginx.pid; error_log $folder/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; server_tokens off;
  server { listen 127.0.0.1:$nginx_port reuseport backlog=4096;
    location / { default_type text/plain; return 200 "xxxxxx"; } } }
CONF
nginx -e "$folder/error.log" -c "$folder/nginx.conf" -p "$folder" & pids+=($!); nginx_pid=$!
"$build/bin/http_floor" "$workers" 6 "$ours_port" >/dev/null & pids+=($!); ours_pid=$!
for port in $ours_port $nginx_port; do
  until (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.05; done
done

# User and system clock ticks of a process and its children that are alive.
ticks() {
  local pid sum=0
  for pid in "$1" $(pgrep -P "$1" || true); do
    sum=$((sum + $(sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}')))
  done
  echo "$sum"
}

# name pid port -> a line "name requests/s microseconds-a-request"
measure() {
  local before after requests
  before=$(ticks "$2")
  wrk -t1 -c"$connections" -d"${seconds}s" "http://127.0.0.1:$3/" >"$folder/wrk.txt"
  after=$(ticks "$2")
  requests=$(awk '/requests in/ {print $1}' "$folder/wrk.txt")
  awk -v name="$1" -v n="$requests" -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
    'BEGIN {printf "%s %.0f %.2f\n", name, n / s, t / hz * 1e6 / n}'
}

measure warm "$ours_pid" "$ours_port" >/dev/null
measure warm "$nginx_pid" "$nginx_port" >/dev/null
for ((i = 0; i < pairs; ++i)); do
  measure flyball "$ours_pid" "$ours_port"
  measure nginx "$nginx_pid" "$nginx_port"
done | tee "$folder/all.txt"

median() { awk -v name="$1" -v column="$2" '$1 == name {print $column}' "$folder/all.txt" | sort -n |
  awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
awk -v fr="$(median flyball 2)" -v nr="$(median nginx 2)" -v fc="$(median flyball 3)" -v nc="$(median nginx 3)" 'BEGIN {
  printf "median: flyball %d requests/s, %.2f us; nginx %d requests/s, %.2f us\n", fr, fc, nr, nc
  printf "ratio: requests/s %.2f, CPU a request %.2f\n", fr / nr, fc / nc }'
