#!/usr/bin/env bash
# Instructions a request in flyball-api's own code and libraries (the kernel's are not seen), 16 pipelined as in H2:
# callgrind counts them, so the figure does not depend on what else the machine does.
#   tests/bench/http_instructions.sh [build=build/release] [path=/healthz]
# Prints the sum and the ten functions that cost most; the profile stays in build/bench/callgrind.out.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${1:-build/release} path=${2:-/healthz} port=$((20000 + RANDOM % 12000)) batches=1000
folder=$(mktemp -d) out=build/bench/callgrind.out
mkdir -p build/bench
valgrind --tool=callgrind --callgrind-out-file="$out" --instr-atstart=no --separate-threads=no \
  "$build/bin/flyball-api" manifests/samples/load.yaml --data "$folder" --port "$port" --reactors 1 --workers 1 \
  --redis none 2>"$folder/log" &
pid=$!
trap 'kill -KILL $pid 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
  curl -fs -o /dev/null "http://127.0.0.1:$port$path" && break
  sleep 0.2
done
callgrind_control --instr=on "$pid" >/dev/null
python3 - "$port" "$path" "$batches" <<'PY'
import re, socket, sys
port, path, batches = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
client = socket.create_connection(('127.0.0.1', port))
one = f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: keep-alive\r\n\r\n'.encode()
for batch in range(batches):
    client.sendall(one * 16)
    got = b''
    while got.count(b'HTTP/1.1 200 OK\r\n') < 16 or got.count(b'{"status":"ok"}') < 16:
        got += client.recv(65536)
PY
callgrind_control --instr=off "$pid" >/dev/null
kill -TERM "$pid"
wait "$pid" || true
total=$(sed -n 's/^\(totals\|summary\): //p' "$out" | tail -1)
echo "instructions a request: $((total / batches / 16))"
callgrind_annotate "$out" | grep -E '^ *[0-9,]+ \(' | sed -n '2,31p' |
  awk -v n=$((batches * 16)) '{gsub(",", "", $1); count = $1; sub(/^[^?\/]*[?\/]/, ""); printf "%8.0f  %s\n", count / n, $0}' | cut -c1-150
