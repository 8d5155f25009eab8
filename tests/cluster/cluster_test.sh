#!/usr/bin/env bash
# `make test-cluster`: the image, the chart, the operator and the governor on a real cluster of one node, which node.sh
# raises in a network namespace of its own and tears down again, also after a failure.
#
# BIN is the folder of flyballctl (build/release/bin). KEEP=1 leaves the cluster standing and says how to enter and end it;
# NODE=DIR takes such a one, with the images it has, and keeps it.
# Ends with 77 and one line when this machine cannot do it; in CI (CI=true) that is a failure.
here=$(cd "$(dirname "$0")" && pwd)
BIN=${BIN:-$here/../../build/release/bin}
source "$here/../integration/lib.sh"

NODE=${NODE:-}
[ -z "$NODE" ] || KEEP=1
NAMESPACE=shop
finish() {
  local status=$?
  trap - EXIT ERR
  set +eE
  [ $status -eq 0 ] || [ $status -eq 77 ] || tell
  for pid in $(jobs -pr); do kill "$pid" 2>/dev/null; done
  [ -z "$NODE" ] || pkill -f -- "--kubeconfig $NODE/kubeconfig -n $NAMESPACE (logs -f|get pods -l)"
  if [ -n "$NODE" ] && [ -n "${KEEP:-}" ]; then
    rm -f "$NODE/owner"  # so that the next run does not take it for what a killed one left
    echo "left standing: nsenter --net=/run/netns/${NODE##*/} $KUBECTL --kubeconfig $NODE/kubeconfig -n $NAMESPACE get all"
    echo "to end it: $here/node.sh stop $NODE"
  elif [ -n "$NODE" ]; then
    "$here/node.sh" stop "$NODE"
  fi
  rm -rf "$WORK"
  exit $status
}
trap finish EXIT
# What a failure leaves to read; the reason last.
tell() {
  if [ -n "$NODE" ] && [ -f "$NODE/kubeconfig" ]; then
    echo "--- objects"; kube get apps,governors,deployments,pods -o wide
    echo "--- events"; kube get events --sort-by=.lastTimestamp | tail -25
    echo "--- governor"; kube get governor load -o json | jq -c '.status | del(.lastDecision.text)'
    for log in "$WORK"/leader-*.log; do [ ! -f "$log" ] || { echo "--- ${log##*/}"; tail -12 "$log"; }; done
    for pod in $(kube get pods -o name -l flyball.io/app | head -3); do
      echo "--- $pod"; kube logs "$pod" --tail=5; kube logs "$pod" --previous --tail=5 2>/dev/null
    done
  fi
  echo "--- scenario: ${SCENARIO:-start}"
  head -c 4000 "$WORK/reason" 2>/dev/null || cat "$WORK/broke" 2>/dev/null
}

skip() {
  [ "${CI:-}" != true ] || fail "in CI this must run, but $1"
  echo "SKIPPED: the cluster test cannot run here: $1"
  exit 77
}

BEGAN=$(date +%s%N)
# lap WHAT: the time since the last one
lap() {
  local now
  now=$(date +%s%N)
  awk -v ms=$(((now - BEGAN) / 1000000)) -v what="$1" 'BEGIN {printf "  %-34s %6.1f s\n", what, ms / 1000}'
  BEGAN=$now
}

inside() { nsenter --net="$(cat "$NODE/netns")" "$@"; }
kube() { inside "$KUBECTL" --kubeconfig "$NODE/kubeconfig" -n "$NAMESPACE" "$@"; }
get() { kube get "$1" -o "jsonpath=$2"; }
helm() { inside "$HELM" --kubeconfig "$NODE/kubeconfig" -n "$NAMESPACE" "$@"; }
condition() { [ "$(get "$1" "{.status.conditions[?(@.type==\"$2\")].status}")" = "$3" ]; }
replicas() { get "deployment/$1" '{.spec.replicas}'; }
ready() { get "deployment/$1" '{.status.readyReplicas}'; }
ready_is() { [ "$(ready "$1")" = "$2" ] && [ "$(replicas "$1")" = "$2" ]; }
ready_at_least() { [ "$(ready "$1")" -ge "$2" ] 2>/dev/null; }
pods_are() { [ "$(kube get pods -l "$1" --no-headers 2>/dev/null | wc -l)" = "$2" ]; }

# ask METHOD PATH [BODY]: curl in the pod client, to the Service; sets STATUS and BODY, sends TOKEN when set
ask() {
  local args=(-s -X "$1" -w '\n%{http_code}' "http://$SERVICE.$NAMESPACE.svc$2") answer
  [ -z "${TOKEN:-}" ] || args+=(-H "Authorization: Bearer $TOKEN")
  [ -z "${3:-}" ] || args+=(-H 'Content-Type: application/json' --data-binary "$3")
  answer=$(kube exec client -- curl "${args[@]}")
  STATUS=${answer##*$'\n'} BODY=${answer%$'\n'*}
}

# --- The cluster

why=$("$here/node.sh" check) || skip "$why"
for tool in buildah debootstrap jq; do command -v $tool >/dev/null || skip "$tool is not installed (make packages-cluster)"; done
[ -x "$BIN/flyballctl" ] || fail "$BIN/flyballctl is not built"

# What a killed run left.
for left in "${TMPDIR:-/tmp}"/flyball-cluster.*; do
  [ -f "$left/owner" ] && ! kill -0 "$(cat "$left/owner")" 2>/dev/null && "$here/node.sh" stop "$left"
done

scenario "programs and images"
KUBECTL=$("$here/kube_binaries.sh" cluster) || skip "Kubernetes cannot be built, see above"
HELM=$("$here/kube_binaries.sh" helm) || skip "helm cannot be built, see above"
KUBECTL=$KUBECTL/kubectl HELM=$HELM/helm
lap "kubernetes and helm"
if [ -n "$NODE" ]; then
  kube delete namespace "$NAMESPACE" --ignore-not-found >/dev/null
else
  mapfile -t ARCHIVES < <("$here/images.sh")
  [ ${#ARCHIVES[@]} -eq 5 ] || fail "not all images were built"
  lap "images"
  scenario "a node"
  NODE=$(mktemp -d "${TMPDIR:-/tmp}/flyball-cluster.XXXXXX")
  rmdir "$NODE"
  "$here/node.sh" start "$NODE"
  echo $$ >"$NODE/owner"
  lap "node Ready"
  for archive in "${ARCHIVES[@]}"; do ctr -a "$NODE/containerd.sock" -n k8s.io images import "$archive" >/dev/null; done
  lap "images imported"
fi

scenario "helm install into a namespace that allows only restricted pods"
kube create namespace "$NAMESPACE" >/dev/null
kube label namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
helm install flyball "$ROOT/charts/flyball" --wait --timeout 5m \
  --set image.repository=flyball.test/flyball,image.pullPolicy=Never --set-string image.tag=1 \
  --set trial.redis.image=flyball.test/redis:1,trial.redis.pullPolicy=Never \
  --set trial.postgresql.image=flyball.test/postgres:1,trial.postgresql.pullPolicy=Never >"$WORK/helm.log" 2>&1 ||
  fail "helm install: $(cat "$WORK/helm.log")"
has "$(cat "$WORK/helm.log")" 'FOR TRIAL ONLY' "the notes"
helm test flyball >"$WORK/helm-test.log" 2>&1 || fail "helm test: $(cat "$WORK/helm-test.log")"
PASSWORD=$(get secret/flyball-redis '{.data.password}')
lap "chart installed"

# The logs of both controllers, from their beginning.
for pod in $(kube get pods -l app.kubernetes.io/component=autoscaler -o 'jsonpath={.items[*].metadata.name}'); do
  kube logs -f "$pod" >"$WORK/leader-$pod.log" 2>&1 &
done

scenario "both samples become Ready"
cp "$ROOT/manifests/samples/load.yaml" "$here/objects/kustomization.yaml" "$WORK/"
kube apply -f "$here/objects/client.yaml" -f "$ROOT/manifests/samples/tasks.yaml" >/dev/null
kube apply -k "$WORK" >/dev/null
for app in tasks load; do
  kube wait --for=condition=Ready "app/$app" --timeout=180s >/dev/null || fail "App $app: $(get "app/$app" '{.status.conditions}')"
done
kube wait --for=condition=Ready pod/client --timeout=60s >/dev/null
lap "both Apps Ready"

scenario "CRUD through the Service, from another pod"
SERVICE=tasks TOKEN=''
# The node learns of a Service's pods a moment after they are Ready.
reachable() { kube exec client -- curl -fs -o /dev/null --max-time 5 "http://$SERVICE.$NAMESPACE.svc/readyz" 2>/dev/null; }
eventually 60 reachable || fail "the Service $SERVICE is not reachable"
ask POST /api/v1/auth/register '{"email":"ann@example.org","name":"Ann","password":"correct horse battery"}'
same 201 "$STATUS" "register: $BODY"
TOKEN=$(json .accessToken)
ask POST /api/v1/tasks '{"title":"Write the README","priority":"high"}'
same 201 "$STATUS" "create: $BODY"
ID=$(json .id)
# Two pods answer; every one knows the row and the token.
for _ in $(seq 8); do
  ask GET "/api/v1/tasks/$ID"
  same 200 "$STATUS" "read: $BODY"
done
ask PATCH "/api/v1/tasks/$ID" '{"status":"completed"}'
same 200 "$STATUS" "update: $BODY"
ask GET '/api/v1/tasks?status=completed'
same "$ID" "$(json '.data[0].id')" "list: $BODY"
ask DELETE "/api/v1/tasks/$ID"
same 204 "$STATUS" "delete: $BODY"
ask GET "/api/v1/tasks/$ID"
same 404 "$STATUS" "gone: $BODY"
TOKEN=''

scenario "pods run as nobody, on a root file system that they cannot write"
POD=$(kube get pods -l flyball.io/app=tasks -o 'jsonpath={.items[0].metadata.name}')
same 65532 "$(kube exec "$POD" -- id -u)" "user"
kube exec "$POD" -- touch /written 2>"$WORK/touch" && fail "the root file system can be written"
has "$(cat "$WORK/touch")" 'Read-only file system' "why not"
STATUS_OF_1=$(kube exec "$POD" -- cat /proc/1/status)
has "$STATUS_OF_1" '^CapEff:[[:space:]]0+$' "no capabilities"
has "$STATUS_OF_1" '^NoNewPrivs:[[:space:]]1$' "no new privileges"
has "$STATUS_OF_1" '^Seccomp:[[:space:]]2$' "seccomp"

# --- The load

# start_load URL FLAGS...: in the background, from the node, whose loopback leads to a NodePort; LOAD is its process
start_load() {
  eventually 60 inside curl -s -o /dev/null --max-time 5 "$1/" || fail "nothing answers at $1"
  nsenter --net="$(cat "$NODE/netns")" "$BIN/flyballctl" load --url "$1" "${@:2}" -o json >"$WORK/load.json" 2>"$WORK/load.err" &
  LOAD=$!
}
under_load() {
  kill -0 "$LOAD" 2>/dev/null || fail "flyballctl load ended: $(tail -3 "$WORK/load.err")"
  "$@"
}

# One line each time a pod changes: milliseconds, name, phases.
watch_pods() {
  nsenter --net="$(cat "$NODE/netns")" "$KUBECTL" --kubeconfig "$NODE/kubeconfig" -n "$NAMESPACE" get pods -l "$1" --watch --no-headers -o \
    custom-columns='N:.metadata.name,S:.status.conditions[?(@.type=="PodScheduled")].status,C:.status.containerStatuses[0].state.running.startedAt,R:.status.conditions[?(@.type=="Ready")].status' |
    while read -r line; do echo "$(date +%s%3N) $line"; done
}
same 1 "$(replicas load)" "replicas before the load"
watch_pods flyball.io/app=load >"$WORK/pods" &

scenario "load of 200 requests/s on a pod that carries 100: replicas rise while it lasts, and then nothing is shed"
start_load http://127.0.0.1:30080/api/v1 --principals 4 --rate 200 --duration 100s --connections 48 --timeout 5s
eventually 90 under_load ready_at_least load 3 || fail "no third pod became Ready; $(get governor/load '{.status.lastDecision.text}')"
lap "third pod Ready"
OWNERS=$(kube get deployment load --show-managed-fields -o json |
  jq -r '.metadata.managedFields[] | select(.fieldsV1["f:spec"]["f:replicas"] and .subresource != "scale") | .manager')
same '' "$OWNERS" "who but /scale owns spec.replicas"
ordered() { grep -qh '"object":"deployments.apps shop/load/scale"' "$WORK"/leader-*.log; }
eventually 10 ordered || fail "the leader's log does not say that it wrote /scale"
DESCRIBED=$(kube describe governor load)
has "$DESCRIBED" 'Desired: +[345]' "kubectl describe governor: desired replicas"
has "$DESCRIBED" '[Nn]eed' "kubectl describe governor: the decision in words"
wait "$LOAD" || fail "flyballctl load: $(tail -3 "$WORK/load.err")"
lap "load ended"
jq -r '.series[] | [.t, .offered, .ok, .shed, .failed, .p99Ms] | @tsv' "$WORK/load.json" >"$WORK/series"
# Of every 15 seconds in a row, once three pods were Ready: share shed, failed, and the middle one of the seconds' p99
# (that one request of a hundred is above the SLO means that it is below). On a machine with other work the best of them
# is judged; STRICT=1 judges the last.
sort -n "$WORK/series" | awk -F'\t' -v strict="${STRICT:-}" '
  {offered[NR] = $2; shed[NR] = $4; failed[NR] = $5; p99[NR] = $6}
  END {
    best = 2
    for (end = strict ? NR : 30; end <= NR; end++) {
      o = s = f = 0
      for (i = end - 14; i <= end; i++) {o += offered[i]; s += shed[i]; f += failed[i]; v[i - end + 15] = p99[i] + 0}
      for (i = 2; i <= 15; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) {t = v[j]; v[j] = v[j - 1]; v[j - 1] = t}
      if (s / o <= best) {best = s / o; bad = f; middle = v[8]; from = end - 15}
    }
    print best, bad, middle, from
  }' >"$WORK/calm"
read -r SHED FAILED P99 FROM <"$WORK/calm"
printf '  from second %s on, 15 s long: %.2f %% shed, p99 %s ms, with %s pods\n' "$FROM" "$(awk "BEGIN {print 100 * $SHED}")" "$P99" "$(ready load)"
holds "$SHED < 0.01" "share shed with enough pods"
holds "$FAILED == 0" "failed with enough pods"
holds "$P99 <= 250" "p99 with enough pods within the SLO (ms)"
same 0 "$(jq '.resets + .connectFailures' "$WORK/load.json")" "resets and failed connections"

scenario "the time from a replica ordered to Ready"
ORDERED=$(grep -h '"object":"deployments.apps shop/load/scale"' "$WORK"/leader-*.log | jq -r .time | head -1)
[ -n "$ORDERED" ] || fail "no line of the log says that replicas were ordered"
awk -v ordered="$(date -d "$ORDERED" +%s%3N)" '
  !($2 in created) {created[$2] = $1}
  $3 == "True" && !($2 in scheduled) {scheduled[$2] = $1}
  $4 != "<none>" && !($2 in started) {started[$2] = $1}
  $5 == "True" && !($2 in ready) {ready[$2] = $1}
  END {
    for (pod in ready) if (ready[pod] - created[pod] > 200) {
      n++; if (n == 1 || created[pod] < first) first = created[pod]
      a += scheduled[pod] - created[pod]; b += started[pod] - scheduled[pod]; c += ready[pod] - started[pod]
      if (ready[pod] - created[pod] > most) most = ready[pod] - created[pod]
    }
    if (n == 0) exit 1
    printf "  %d pods; the first was there %.2f s after the order; on average scheduled after %.2f s, container running %.2f s later, Ready %.2f s later; the slowest %.1f s\n",
      n, (first - ordered) / 1000, a / n / 1000, b / n / 1000, c / n / 1000, most / 1000
  }' "$WORK/pods" || fail "no pod was seen to start: $(cat "$WORK/pods")"

scenario "the load is over: replicas fall after the window"
eventually 180 ready_is load 1 || fail "replicas stay: $(get governor/load '{.status.lastDecision.text}')"
eventually 90 pods_are flyball.io/app=load 1 || fail "pods stay"
lap "down to one pod"

scenario "a Deployment that is not Flyball is governed by its own metrics"
kube apply -f "$here/objects/prometheus.yaml" >/dev/null
kube rollout status deployment/prometheus --timeout=120s >/dev/null
start_load http://127.0.0.1:30090 --principals 0 --rate 40 --duration 60s --connections 24 --mix "$here/objects/queries.yaml"
eventually 60 under_load ready_at_least prometheus 3 || fail "replicas do not follow: $(get governor/prometheus '{.status}')"
wait "$LOAD" || fail "flyballctl load: $(tail -3 "$WORK/load.err")"
lap "prometheus scaled to 3"
eventually 120 ready_is prometheus 1 || fail "prometheus stays: $(get governor/prometheus '{.status.lastDecision.text}')"
lap "prometheus back to 1"

# --- The leader

holder() { get lease/flyball-autoscaler '{.spec.holderIdentity}'; }
# The process of a pod's container, on the node.
pid_of() {
  local container
  container=$(get "pod/$1" '{.status.containerStatuses[0].containerID}')
  ctr -a "$NODE/containerd.sock" -n k8s.io task ls | awk -v id="${container##*/}" '$1 == id {print $2}'
}

scenario "the leader is killed: another takes over within 17 s, and no two wrote"
LEADER=$(holder)
POD=${LEADER%%_*}
PID=$(pid_of "$POD")
[ -n "$PID" ] || fail "the leader $LEADER has no process"
kube delete pod "$POD" --grace-period=0 --force >/dev/null 2>&1 &
kill -9 "$PID"
KILLED=$(date +%s%3N)
another_leads() { local now; now=$(holder) && [ -n "$now" ] && [ "$now" != "$LEADER" ]; }
eventually 60 another_leads || fail "nobody took over from $LEADER"
TOOK=$(($(date +%s%3N) - KILLED))
awk -v ms=$TOOK 'BEGIN {printf "  taken over after %.1f s\n", ms / 1000}'
holds "$TOOK <= 17000" "takeover within 17 s (ms)"
# The new one governs: it writes the status anew.
kube patch governor load --type merge -p '{"spec":{"replicas":{"min":2}}}' >/dev/null
eventually 60 ready_is load 2 || fail "the new leader does not govern: $(get governor/load '{.status}')"
# Each write is a line with the epoch: the last one of the old came before the first one of the new.
grep -h '"msg":"write"' "$WORK"/leader-*.log | jq -r '[.epoch, .time] | @tsv' | sort -k2 >"$WORK/writes"
awk 'NR > 1 && $1 < last {exit 1} {last = $1}' "$WORK/writes" || fail "an older leader wrote after a newer one: $(tail -20 "$WORK/writes")"
holds "$(cut -f1 "$WORK/writes" | sort -u | wc -l) >= 2" "epochs that wrote"
lap "leader replaced"

scenario "an upgrade keeps the passwords; uninstalling leaves nothing of the release"
helm upgrade flyball "$ROOT/charts/flyball" --reuse-values --wait --timeout 3m >"$WORK/helm.log" 2>&1 || fail "helm upgrade: $(cat "$WORK/helm.log")"
same "$PASSWORD" "$(get secret/flyball-redis '{.data.password}')" "password of the Redis"
kube delete app,governor --all --timeout=60s >/dev/null
helm uninstall flyball --wait --timeout 2m >"$WORK/helm.log" 2>&1 || fail "helm uninstall: $(cat "$WORK/helm.log")"
gone() { [ -z "$(kube get deployments,services,secrets,roles,networkpolicies -o name -l app.kubernetes.io/part-of=flyball)" ]; }
eventually 90 gone || fail "left behind: $(kube get deployments,services,secrets,roles,networkpolicies -o name -l app.kubernetes.io/part-of=flyball)"
lap "uninstalled"
passed
