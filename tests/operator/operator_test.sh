#!/usr/bin/env bash
# The operator and the governor against a real Kubernetes API server, etcd and controller manager. There is no node: pods
# are processes of this machine (node.sh), so that what is scraped is real. Needs the programs of kube_binaries.sh; exits
# with 3 when they cannot be had.
#   BIN  the folder of the built programs      KEEP=1  leaves the folder with all logs
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/integration/lib.sh
source "$here/../integration/lib.sh"

CP=$WORK/control-plane
declare -A AUTOSCALER=() PORT_OF=()
NODE_PID='' REDIS_PID='' WATCH_PID='' LOAD_PID='' WEB_PID=''

at_exit() {
  local status=$1 pid
  if [ "$status" -ne 0 ] && [ -d "$CP" ]; then
    k get apps,governors,deployments,pods -n shop -o wide 2>&1 | tail -30
    k get apps,governors -n shop -o json 2>/dev/null | jq -c '.items[] | {(.kind): .status | del(.lastDecision.text)}' || true
    for log in "$WORK"/autoscaler-*.log "$WORK/node.log"; do
      [ ! -f "$log" ] || { echo "--- ${log##*/}"; grep -v '"msg":"write"' "$log" | tail -15; }
    done
  fi
  for pid in "${AUTOSCALER[@]}"; do kill -CONT "$pid" 2>/dev/null; kill -9 "$pid" 2>/dev/null; done
  for pid in $LOAD_PID $WEB_PID $WATCH_PID $NODE_PID $REDIS_PID; do kill "$pid" 2>/dev/null; done
  [ -z "$NODE_PID" ] || wait "$NODE_PID" 2>/dev/null
  "$here/../cluster/control_plane.sh" stop "$CP"
  if [ -n "${KEEP:-}" ]; then cp -r "$WORK" "${TMPDIR:-/tmp}/flyball-operator.kept"; fi
}

# --- Verbs

k() { "$KUBECTL" --kubeconfig "$CP/kubeconfig" "$@"; }
# of OBJECT JQ: a part of an object, empty when there is none
of() { k get -n shop "$1" -o json 2>/dev/null | jq -r "$2 // empty" 2>/dev/null || true; }
# condition OBJECT TYPE: "True Reason"
condition() { of "$1" ".status.conditions[]? | select(.type == \"$2\") | \"\(.status) \(.reason)\""; }
# is OBJECT JQ VALUE
is() { [ "$(of "$1" "$2")" = "$3" ]; }
is_condition() { [ "$(condition "$1" "$2")" = "$3" ]; }
# becomes OBJECT JQ VALUE: waits a minute for it
becomes() { eventually 60 is "$@" || fail "$1 $2: expected '$3', got '$(of "$1" "$2")'"; CHECKS=$((CHECKS + 1)); }
becomes_condition() {
  eventually 60 is_condition "$@" || fail "$1 $2: expected '$3', got '$(condition "$1" "$2")'"
  CHECKS=$((CHECKS + 1))
}
gone() { ! k get -n shop "$1" >/dev/null 2>&1; }

# autoscaler NAME FLAGS...: starts one
autoscaler() {
  local name=$1
  shift
  PORT_OF[$name]=$(free_port)
  "$BIN/flyball-autoscaler" --kubeconfig "$CP/kubeconfig.token" --namespace shop --pod "$name" --image flyball:test \
    --metrics-host 127.0.0.1 --metrics-port "${PORT_OF[$name]}" "$@" 2>"$WORK/autoscaler-$name.log" &
  AUTOSCALER[$name]=$!
}
metric() { curl -sf --max-time 5 "http://127.0.0.1:${PORT_OF[$1]}/metrics" | awk -v m="$2" '$1 == m {print $2}'; }
leads() { [ "$(metric "$1" flyball_controller_leader)" = 1 ]; }
ready_page() { curl -sf --max-time 5 -o /dev/null "http://127.0.0.1:${PORT_OF[$1]}/readyz"; }
writes() { grep -c '"msg":"write"' "$WORK/autoscaler-$1.log" || true; }
epochs() { jq -r 'select(.msg == "write").epoch' "$WORK/autoscaler-$1.log" | sort -u | tr '\n' ' '; }
rounds() { metric "$1" 'flyball_controller_reconciles_total{result="success"}'; }
more_rounds() { [ "$(rounds "$1")" -gt "$2" ]; }
# versions: what would move if anybody wrote; the Deployment's generation, for its status moves by itself
versions() {
  k get -n shop configmap,service,poddisruptionbudget,secret -l flyball.io/app=notes -o json |
    jq -c '[.items[] | [.kind, .metadata.resourceVersion]]'
  of deployment/notes .metadata.generation
}
address() { k get pods -n shop -o json | jq -r '[.items[].status.podIP // empty][0]'; }
record_epoch() { redis-cli -s "$WORK/redis.sock" --raw hget 'fb:{notes}:epoch' epoch 2>/dev/null || true; }

# --- The world

assets=$("$here/../cluster/kube_binaries.sh" operator) || exit $?
KUBECTL=$assets/kubectl
scenario "a control plane comes up"
"$here/../cluster/control_plane.sh" start "$CP"
redis-server --port 0 --unixsocket "$WORK/redis.sock" --save '' --appendonly no >"$WORK/redis.log" 2>&1 &
REDIS_PID=$!
k create namespace shop >/dev/null
PREFIX=127.$((RANDOM % 200 + 20)).$((RANDOM % 250)) DATABASE=$WORK/notes.db "$here/node.sh" "$CP" >"$WORK/node.log" 2>&1 &
NODE_PID=$!

scenario "the definitions are installed and refuse what cannot be right"
k apply -f "$ROOT/charts/flyball/crds/" >/dev/null
eventually 60 k get apps,governors -n shop >/dev/null 2>&1 || fail "the kinds are not served"
refused() {  # refused MESSAGE DOCUMENT
  local said
  said=$(k apply -f - <<<"$2" 2>&1) && fail "was taken: $2"
  has "$said" "$1" "the refusal"
}
refused "max is less than min" '{"apiVersion":"flyball.io/v1alpha1","kind":"Governor","metadata":{"name":"x","namespace":"shop"},
  "spec":{"targetRef":{"kind":"App","name":"x"},"replicas":{"min":3,"max":2}}}'
refused "must name one of spec.resources" '{"apiVersion":"flyball.io/v1alpha1","kind":"App","metadata":{"name":"x","namespace":"shop"},
  "spec":{"auth":{"accounts":"a","roles":{"user":{"signup":true}}},"resources":{"t":{"fields":{"a":{"type":"string"}}}}}}'
refused "unknown field" '{"apiVersion":"flyball.io/v1alpha1","kind":"App","metadata":{"name":"x","namespace":"shop"},
  "spec":{"resources":{"t":{"feilds":{}}}}}'
refused "begins with a letter" '{"apiVersion":"flyball.io/v1alpha1","kind":"App","metadata":{"name":"1x","namespace":"shop"},
  "spec":{"resources":{"t":{"fields":{"a":{"type":"string"}}}}}}'

scenario "an App without a database that its replicas can share is refused, and told so"
k create secret generic notes-redis -n shop --from-literal=url="unix:$WORK/redis.sock" >/dev/null
autoscaler a
eventually 60 ready_page a || fail "autoscaler a does not know the cluster"
eventually 60 leads a || fail "autoscaler a does not lead"
k apply -f "$here/shop.yaml" >/dev/null
becomes_condition app/notes Ready "False NoSharedDatabase"
has "$(of app/notes '.status.conditions[] | select(.type == "Ready").message')" "cannot share an SQLite file" "the message"
becomes_condition governor/notes Active "False TargetNotFound"
gone deployment/notes || fail "a Deployment was made"

scenario "an App becomes its objects, which are its own"
k create secret generic notes-db -n shop --from-literal=url=postgresql://nobody@127.0.0.1/notes >/dev/null
k patch app notes -n shop --type=merge -p '{"spec":{"deploy":{"database":{"secretRef":{"name":"notes-db"}}}}}' >/dev/null
becomes_condition app/notes Valid "True Accepted"
becomes_condition app/notes Ready "True Serving"
uid=$(of app/notes .metadata.uid)
for object in configmap/notes deployment/notes service/notes poddisruptionbudget/notes secret/notes-jwt; do
  same "$uid" "$(of $object '.metadata.ownerReferences[0].uid')" "the owner of $object"
done
same "flyball:test" "$(of deployment/notes '.spec.template.spec.containers[0].image')" "the default image"
same "notes-db" "$(of deployment/notes '.spec.template.spec.containers[0].env[] | select(.name == "FLYBALL_DATABASE").valueFrom.secretKeyRef.name')" "the database"
same 64 "$(of secret/notes-jwt '.data.key | @base64d | length')" "the length of the key"
same "false" "$(k get deployment notes -n shop -o json --show-managed-fields |
  jq '[.metadata.managedFields[] | select(.manager == "flyball-operator").fieldsV1["f:spec"] | has("f:replicas")] | any')" \
  "the operator owns spec.replicas"

scenario "the governor lifts the first replica to its least"
becomes deployment/notes .status.readyReplicas 2
becomes_condition governor/notes Active "True Governing"
becomes governor/notes .status.replicas.ready 2
has "$(k get events -n shop --field-selector involvedObject.kind=Governor -o json | jq -r '.items[].message')" "1 -> 2 replicas" "the Events"
becomes_condition app/notes Progressing "False Settled"

scenario "a round that finds everything as it should be writes nothing"
before=$(versions) applied=$(writes a) round=$(rounds a)
k annotate app notes -n shop note=touched >/dev/null
eventually 60 more_rounds a "$round" || fail "there was no round"
k annotate app notes -n shop note=again --overwrite >/dev/null
eventually 60 more_rounds a $((round + 1)) || fail "there was no second round"
same "$before" "$(versions)" "what a round left"
same 0 "$(tail -n +$((applied + 1)) <<<"$(grep '"msg":"write"' "$WORK/autoscaler-a.log")" | grep -c apply || true)" "applies"

scenario "what somebody deleted or changed is made anew"
k delete service notes -n shop >/dev/null
becomes service/notes .spec.ports[0].port 80
k patch service notes -n shop --type=merge -p '{"spec":{"selector":{"flyball.io/app":"other"}}}' >/dev/null
becomes service/notes '.spec.selector["flyball.io/app"]' notes

scenario "a changed document rolls out"
sum=$(of deployment/notes '.spec.template.metadata.annotations["flyball.io/document-checksum"]')
old=$(k get pods -n shop -o name | sort)
k patch app notes -n shop --type=merge -p '{"spec":{"resources":{"notes":{"fields":{"title":{"maxLength":50}}}}}}' >/dev/null
rolled() {
  local names
  names=$(k get pods -n shop -o name)
  [ -n "$names" ] && [ -z "$(comm -12 <(echo "$old") <(sort <<<"$names"))" ] && is deployment/notes .status.readyReplicas 2
}
eventually 60 rolled || fail "the pods were not replaced"
[ "$sum" != "$(of deployment/notes '.spec.template.metadata.annotations["flyball.io/document-checksum"]')" ] || fail "the checksum stayed"
becomes_condition app/notes Progressing "False Settled"

scenario "a document with problems changes nothing and is told with its places"
before=$(versions)
k patch app notes -n shop --type=merge -p '{"spec":{"resources":{"notes":{"access":{"list":"nobody == 1"}}}}}' >/dev/null
becomes_condition app/notes Valid "False Problems"
has "$(of app/notes '.status.conditions[] | select(.type == "Valid").message')" '^App notes:[0-9]+:[0-9]+: ' "the place"
same "$before" "$(versions)" "what a wrong document left"
same "True Serving" "$(condition app/notes Ready)" "what serves"
k patch app notes -n shop --type=merge -p '{"spec":{"resources":{"notes":{"access":{"list":true}}}}}' >/dev/null
becomes_condition app/notes Valid "True Accepted"

scenario "load raises the replicas through /scale, with an Event and a status that say why"
echo '[{"weight": 1, "method": "GET", "path": "/notes"}]' >"$WORK/mix.json"
"$BIN/flyballctl" load --url "http://$(address):8080/api/v1" --mix "$WORK/mix.json" --rate 120 --duration 300s --connections 32 \
  >"$WORK/load.log" 2>&1 &
LOAD_PID=$!
raised() { [ "$(of deployment/notes .spec.replicas)" -ge 4 ]; }
eventually 60 raised || fail "replicas stayed at $(of deployment/notes .spec.replicas): $(of governor/notes .status.lastDecision.text)"
has "$(k describe governor notes -n shop)" "ScaledUp .* 2 -> [345] replicas: " "kubectl describe"
becomes governor/notes .status.replicas.ready "$(of deployment/notes .spec.replicas)"
has "$(of governor/notes .status.lastDecision.reason)" "requests/s" "the decision's reason"
becomes_condition app/notes Ready "True Serving"

scenario "the leader is killed: another takes over, and never two write"
autoscaler b
eventually 60 ready_page b || fail "autoscaler b does not know the cluster"
leads b && fail "two lead"
(while :; do record_epoch; sleep 0.2; done) >"$WORK/epochs" &
WATCH_PID=$!
kill -9 "${AUTOSCALER[a]}"
killed=$(date +%s.%N)
eventually 60 leads b || fail "nobody took over"
took=$(awk "BEGIN {print $(date +%s.%N) - $killed}")
printf '  takeover after %.1f s\n' "$took"
[ -z "${STRICT:-}" ] || holds "$took <= 17.5" "the takeover"
first=$(epochs a)
published() { [ "$(record_epoch)" = "$(metric b flyball_controller_epoch)" ]; }
eventually 60 published || fail "the record's epoch is $(record_epoch), the leader's $(metric b flyball_controller_epoch)"
wrote_b() { [ "$(writes b)" -gt 0 ]; }
eventually 90 wrote_b || fail "the new leader wrote nothing in 90 s"
holds "$(metric b flyball_controller_epoch) > ${first%% *}" "epochs rise: $(metric b flyball_controller_epoch) after $first"
same 1 "$(wc -w <<<"$first")" "epochs of a's writes ($first)"
same 1 "$(wc -w <<<"$(epochs b)")" "epochs of b's writes"

scenario "a leader that slept writes nothing when it wakes"
autoscaler c
eventually 60 ready_page c || fail "autoscaler c does not know the cluster"
kill -STOP "${AUTOSCALER[b]}"
count=$(writes b)
sleep 20
eventually 60 leads c || fail "nobody took over from the one that slept"
published_by_c() { [ "$(record_epoch)" = "$(metric c flyball_controller_epoch)" ]; }
eventually 60 published_by_c || fail "the record's epoch is $(record_epoch), the leader's $(metric c flyball_controller_epoch)"
kill -CONT "${AUTOSCALER[b]}"
set +e; wait "${AUTOSCALER[b]}"; status=$?; set -e
unset "AUTOSCALER[b]"
same 1 "$status" "how the one that slept ended"
has "$(tail -3 "$WORK/autoscaler-b.log")" "leadership of epoch [0-9]+ is over" "its last words"
same "$count" "$(writes b)" "the writes of the one that slept"
kill "$WATCH_PID"; wait "$WATCH_PID" 2>/dev/null || true
WATCH_PID=
same "$(grep -E '^[0-9]+$' "$WORK/epochs")" "$(grep -E '^[0-9]+$' "$WORK/epochs" | sort -n)" "the record's epochs, in time"
holds "$(grep -E '^[0-9]+$' "$WORK/epochs" | sort -un | wc -l) >= 2" "epochs that were published: $(sort -u "$WORK/epochs" | tr '\n' ' ')"

scenario "another autoscaler of the same target: only observing"
replicas=$(of deployment/notes .spec.replicas)
k autoscale deployment notes -n shop --min=1 --max=9 --cpu=90% >/dev/null 2>&1 ||
  k autoscale deployment notes -n shop --min=1 --max=9 --cpu-percent=90 >/dev/null
becomes_condition governor/notes Conflict "True OtherAutoscaler"
becomes_condition governor/notes Active "False OtherAutoscaler"
k delete hpa notes -n shop >/dev/null
becomes_condition governor/notes Conflict "False Resolved"
becomes_condition governor/notes Active "True Governing"

scenario "the load ends: replicas fall to the least after the window"
kill "$LOAD_PID"; wait "$LOAD_PID" 2>/dev/null || true
LOAD_PID=
eventually 180 is deployment/notes .spec.replicas 2 || fail "replicas stayed at $(of deployment/notes .spec.replicas): $(of governor/notes .status.lastDecision.text)"
has "$(k get events -n shop --field-selector involvedObject.kind=Governor -o json | jq -r '.items[].reason')" "ScaledDown" "the Events"

scenario "while the API server does not answer rates go on, and nothing is made up for afterwards"
record_seq() { redis-cli -s "$WORK/redis.sock" --raw hget 'fb:{notes}:epoch' seq; }
replicas=$(of deployment/notes .spec.replicas) epoch=$(record_epoch)
kill -STOP "$(cat "$CP/kube-apiserver.pid")"
seq=$(record_seq)
published_twice() { [ "$(record_seq)" -ge $((seq + 2)) ]; }
eventually 9 published_twice || { kill -CONT "$(cat "$CP/kube-apiserver.pid")"; fail "no rates without the API server"; }
kill -CONT "$(cat "$CP/kube-apiserver.pid")"
becomes_condition governor/notes Active "True Governing"
same "$replicas" "$(of deployment/notes .spec.replicas)" "the replicas afterwards"
[ "$(record_epoch)" = "$epoch" ] || echo "  (the leader could not renew in time on this machine, and another took over)"

scenario "a Deployment that is not Flyball's is scaled by its own metrics"
k create deployment web -n shop --image=prometheus --port=9099 >/dev/null
web_pod() { of pods '[.items[] | select(.metadata.labels.app == "web").metadata.name][0]'; }
has_web_pod() { [ -n "$(web_pod)" ]; }
eventually 60 has_web_pod || fail "the Deployment has no pod"
echo 'global: {scrape_interval: 1h}' >"$WORK/prometheus.yml"
prometheus --config.file "$WORK/prometheus.yml" --storage.tsdb.path "$WORK/tsdb" --web.listen-address 127.0.0.1:9099 >"$WORK/web.log" 2>&1 &
WEB_PID=$!
eventually 60 curl -sf -o /dev/null http://127.0.0.1:9099/-/ready || fail "prometheus does not start: $(tail -3 "$WORK/web.log")"
k patch pod "$(web_pod)" -n shop --subresource=status --type=merge -p '{"status":{"phase":"Running","podIP":"127.0.0.1",
  "podIPs":[{"ip":"127.0.0.1"}],"conditions":[{"type":"Ready","status":"True"}]}}' >/dev/null
k apply -f - >/dev/null <<'END'
apiVersion: flyball.io/v1alpha1
kind: Governor
metadata: {name: web, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  replicas: {min: 1, max: 4}
  signals: {demand: {requests: 'prometheus_http_requests_total{handler="/api/v1/query"}'}}
  capacity: {hint: 10rps}
END
becomes_condition governor/web Active "True Governing"
echo '[{"weight": 1, "method": "GET", "path": "/query?query=1"}]' >"$WORK/query.json"
"$BIN/flyballctl" load --url http://127.0.0.1:9099/api/v1 --mix "$WORK/query.json" --rate 30 --duration 120s --connections 8 \
  >"$WORK/query.log" 2>&1 &
LOAD_PID=$!
becomes deployment/web .spec.replicas 4
has "$(k describe governor web -n shop)" "ScaledUp .* 1 -> [234] replicas: " "kubectl describe"
kill "$LOAD_PID" "$WEB_PID"; wait "$LOAD_PID" "$WEB_PID" 2>/dev/null || true
LOAD_PID='' WEB_PID=''
k delete governor,deployment web -n shop >/dev/null

scenario "anything with a scale subresource can be a target, and nothing else"
k apply -f - >/dev/null <<'END'
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {kind: Gadget, plural: gadgets}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
END
gadget() { jq -n '{apiVersion: "example.org/v1", kind: "Gadget", metadata: {name: "odd", namespace: "shop"}, spec: {replicas: 1}}' | k apply -f - >/dev/null 2>&1; }
eventually 60 gadget || fail "the kind Gadget is not served"
govern() {  # govern NAME APIVERSION KIND
  jq -n --arg name "$1" --arg version "$2" --arg kind "$3" '{apiVersion: "flyball.io/v1alpha1", kind: "Governor",
    metadata: {name: $name, namespace: "shop"}, spec: {targetRef: {apiVersion: $version, kind: $kind, name: $name},
    replicas: {min: 2, max: 3}, signals: {demand: {requests: "requests_total"}}}}' | k apply -f - >/dev/null
}
govern odd example.org/v1 Gadget
becomes gadgets.example.org/odd .spec.replicas 2
govern wall networking.k8s.io/v1 NetworkPolicy
becomes_condition governor/wall Active "False TargetNotFound"
has "$(of governor/wall '.status.conditions[] | select(.type == "Active").message')" "no scale subresource" "the message"
k delete governor/odd governor/wall gadgets.example.org/odd -n shop >/dev/null

scenario "what somebody else has under an App's name is left alone"
k create service clusterip taken -n shop --tcp=1234:1234 >/dev/null
jq -n '{apiVersion: "flyball.io/v1alpha1", kind: "App", metadata: {name: "taken", namespace: "shop"},
  spec: {resources: {notes: {fields: {title: {type: "string"}}}}}}' | k apply -f - >/dev/null
becomes_condition app/taken Progressing "False NameTaken"
has "$(of app/taken '.status.conditions[] | select(.type == "Progressing").message')" "there is a Service taken already, owned by nobody" "the message"
same 1234 "$(of service/taken '.spec.ports[0].port')" "the Service's port"
k delete service taken -n shop >/dev/null
becomes_condition app/taken Ready "True Serving"
k delete app taken -n shop --wait=false >/dev/null

scenario "an App whose data is in its one pod is not scaled, whatever a Governor wants"
jq -n '{apiVersion: "flyball.io/v1alpha1", kind: "App", metadata: {name: "alone", namespace: "shop"},
  spec: {resources: {notes: {fields: {title: {type: "string"}}}}}}' | k apply -f - >/dev/null
becomes_condition app/alone Ready "True Serving"
same "True Trial" "$(condition app/alone Degraded)" "what is said of its data"
k scale app alone -n shop --replicas=0 >/dev/null  # the App's own subresource; nobody governs it yet
becomes_condition app/alone Ready "False ScaledToZero"
same 0 "$(of deployment/alone .spec.replicas)" "the replicas"
k scale app alone -n shop --replicas=1 >/dev/null
becomes_condition app/alone Ready "True Serving"
jq -n '{apiVersion: "flyball.io/v1alpha1", kind: "Governor", metadata: {name: "alone", namespace: "shop"},
  spec: {targetRef: {kind: "App", name: "alone"}, replicas: {min: 2, max: 3}}}' | k apply -f - >/dev/null
becomes_condition app/alone Progressing "False NoSharedDatabase"
becomes_condition governor/alone Active "True Governing"
same 1 "$(of deployment/alone .spec.replicas)" "the replicas"
k patch governor alone -n shop --type=merge -p '{"spec":{"replicas":{"min":1,"max":1}}}' >/dev/null
becomes_condition app/alone Progressing "False Settled"
k delete app,governor alone -n shop --wait=false >/dev/null

scenario "a second Governor of the same target waits"
k get governor notes -n shop -o json | jq '{apiVersion, kind, metadata: {name: "rival", namespace: "shop"}, spec}' | k apply -f - >/dev/null
becomes_condition governor/rival Active "False Conflict"
k delete governor rival -n shop >/dev/null
is_condition governor/notes Active "True Governing" || fail "the first Governor was disturbed"

scenario "SIGTERM gives the Lease back, so that the next leads at once"
autoscaler d
eventually 60 ready_page d || fail "autoscaler d does not know the cluster"
kill "${AUTOSCALER[c]}"
set +e; wait "${AUTOSCALER[c]}"; status=$?; set -e
unset "AUTOSCALER[c]"
same 0 "$status" "how a leader that is asked to end does"
same "" "$(k get lease flyball-autoscaler -n shop -o json | jq -r '.spec.holderIdentity // "" | select(startswith("c"))')" "who holds the Lease"
eventually 60 leads d || fail "nobody took over"

scenario "a deleted App leaves nothing"
k delete app notes -n shop --wait=false >/dev/null
nothing() { [ -z "$(k get deployment,replicaset,pod,service,configmap,poddisruptionbudget,secret -n shop -l flyball.io/app=notes -o name 2>/dev/null)" ]; }
eventually 60 nothing || fail "left: $(k get all,configmap,secret -n shop -l flyball.io/app=notes -o name)"
becomes_condition governor/notes Active "False TargetUnreachable"
k delete governor notes -n shop >/dev/null
gone governor/notes || fail "the Governor stayed"

passed
