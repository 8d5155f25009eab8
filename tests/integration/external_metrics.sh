#!/usr/bin/env bash
# A real Prometheus server gives the governor a number of its own: replicas follow it, and explain names it. When the
# server is gone, nothing falls.
source "$(dirname "$0")/lib.sh"
command -v prometheus >/dev/null || { echo "skipped: prometheus is not installed (Debian's package prometheus)"; exit 77; }

PROMETHEUS_PORT=$(free_port)
cat >"$WORK/prometheus.yml" <<YAML
global: {scrape_interval: 1s}
scrape_configs: [{job_name: itself, static_configs: [{targets: ["127.0.0.1:$PROMETHEUS_PORT"]}]}]
YAML
prometheus --config.file="$WORK/prometheus.yml" --storage.tsdb.path="$WORK/tsdb" \
  --web.listen-address="127.0.0.1:$PROMETHEUS_PORT" >"$WORK/prometheus.log" 2>&1 &
PROMETHEUS_PID=$!
trap 'kill "$PROMETHEUS_PID" 2>/dev/null || true; cleanup' EXIT
eventually 60 curl -fs -o /dev/null "http://127.0.0.1:$PROMETHEUS_PORT/-/ready" || fail "prometheus did not start"

# Half a replica for each of its ready checks so far: ten of them are five.
sed "s|    demand: {}.*|    demand: {}\\n    external: [{name: checks, promql: 'sum(prometheus_http_requests_total{handler=\"/-/healthy\"})', target: 2}]|" \
  "$ROOT/manifests/samples/tasks.yaml" >"$WORK/tasks.yaml"
if grep -q '^  metrics:' "$WORK/tasks.yaml"; then
  sed -i "s|^  metrics: {|  metrics: {prometheusURL: 'http://127.0.0.1:$PROMETHEUS_PORT', |" "$WORK/tasks.yaml"
else
  sed -i "s|^  replicas: {min: 2, max: 10.*|&\\n  metrics: {prometheusURL: 'http://127.0.0.1:$PROMETHEUS_PORT'}|" "$WORK/tasks.yaml"
fi
for _ in $(seq 10); do curl -fs -o /dev/null "http://127.0.0.1:$PROMETHEUS_PORT/-/healthy"; done
up "$WORK/tasks.yaml"

desired() { [ "$(status_json | jq -r '.governors[0].replicas.desired')" = "$1" ]; }
scenario "ten checks against two a replica are five replicas"
eventually 60 desired 5 || { "$BIN/flyballctl" explain --data "$DATA"; fail "replicas did not follow"; }
CHECKS=$((CHECKS + 1))
has "$("$BIN/flyballctl" explain --data "$DATA")" "for checks: 10 / 2 a pod = 5.00 pods" "explain"

scenario "a minute of what the server saw is replayed under the governor and others"
"$BIN/flyballctl" simulate --governor "$WORK/tasks.yaml" --prometheus "http://127.0.0.1:$PROMETHEUS_PORT" --last 1m \
  --query '5 + 0 * max(prometheus_http_requests_total)' --against hpa,keda,kpa --html "$WORK/report.html" -o json >"$WORK/simulated.json"
same "flyball hpa keda kpa" "$(jq -r '[.autoscalers[].name] | join(" ")' "$WORK/simulated.json")" "autoscalers"
holds "$(jq '.autoscalers[0].offered' "$WORK/simulated.json") > 0" "requests offered"
has "$(cat "$WORK/report.html")" "<svg" "the report's charts"

scenario "with the server gone nothing falls, and status says what is missing"
kill "$PROMETHEUS_PID"; wait "$PROMETHEUS_PID" 2>/dev/null || true
missing() { status_json | jq -e '.governors[0].conditions[] | select(.reason == "External")' >/dev/null; }
eventually 60 missing || fail "no condition"
CHECKS=$((CHECKS + 1))
desired 5 || fail "replicas fell"

down
same 0 "$DOWN_STATUS" "exit status"
passed
