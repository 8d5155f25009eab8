#!/usr/bin/env bash
# node.sh DIR: stands in for a node's kubelet until it is ended. Runs the pods of Flyball's Apps as processes of this
# machine, each at a loopback address of its own, tells the API server when they are Ready, and ends those that are deleted.
#   DIR/server DIR/token DIR/pki/ca.crt  of the control plane        DIR/node/  what it keeps: a folder for each pod
#   BIN  the built programs    PREFIX  of the addresses, "127.83.5"  DATABASE  the file that the pods share
set -euo pipefail
DIR=$1 NODE=$1/node
mkdir -p "$NODE"
SERVER=$(cat "$DIR/server") TOKEN=$(cat "$DIR/token")
declare -A PID=() IP=()
next=1

call() {  # call METHOD PATH [BODY [TYPE]]
  local args=(-sf --max-time 10 --cacert "$DIR/pki/ca.crt" -H "Authorization: Bearer $TOKEN" -X "$1")
  [ $# -lt 3 ] || args+=(-H "Content-Type: ${4:-application/json}" --data-binary "$3")
  curl "${args[@]}" "$SERVER$2"
}

# secret NAMESPACE NAME KEY
secret() { call GET "/api/v1/namespaces/$1/secrets/$2" | jq -r --arg key "$3" '.data[$key] | @base64d'; }

# start NAMESPACE NAME: the container, with what its spec mounts and sets.
start() {
  local id=$1/$2 folder=$NODE/$2 pod ip env
  pod=$(call GET "/api/v1/namespaces/$1/pods/$2") || return 0
  ip=$PREFIX.$next
  next=$((next + 1))
  mkdir -p "$folder/data"
  call GET "/api/v1/namespaces/$1/configmaps/$(jq -r '.spec.volumes[] | select(.name == "document").configMap.name' <<<"$pod")" |
    jq -r '.data["app.yaml"]' >"$folder/app.yaml"
  (umask 077
   secret "$1" "$(jq -r '.spec.volumes[] | select(.name == "key").secret.secretName' <<<"$pod")" key >"$folder/data/signing.key")
  mapfile -t env < <(jq -r '.spec.containers[0].env[] | select(.value) | "\(.name)=\(.value)"' <<<"$pod")
  while read -r name from key; do
    case $name in
      FLYBALL_REDIS) env+=("$name=$(secret "$1" "$from" "$key")") ;;
      FLYBALL_DATABASE) env+=("$name=$DATABASE") ;;  # this machine has a file instead
    esac
  done < <(jq -r '.spec.containers[0].env[] | select(.valueFrom.secretKeyRef) |
                  "\(.name) \(.valueFrom.secretKeyRef.name) \(.valueFrom.secretKeyRef.key)"' <<<"$pod")
  # What differs from a container: addresses and folders are this machine's.
  env "${env[@]}" FLYBALL_POD="$2" FLYBALL_HOST="$ip" FLYBALL_ADMIN_HOST="$ip" FLYBALL_DATA="$folder/data" \
    FLYBALL_JWT_KEY_FILE="$folder/data/signing.key" FLYBALL_DRAIN_DELAY=0s FLYBALL_DRAIN_TIMEOUT=2s \
    "$BIN/flyball-api" "$folder/app.yaml" >>"$folder/log" 2>&1 &
  PID[$id]=$! IP[$id]=$ip
  echo "$ip" >"$folder/ip"
}

# ready NAMESPACE NAME: tells the API server so when it is.
ready() {
  local ip=${IP[$1/$2]} now
  curl -sf --max-time 2 -o /dev/null "http://$ip:9090/readyz" || return 0
  now=$(date -u +%FT%TZ)
  call PATCH "/api/v1/namespaces/$1/pods/$2/status" "$(jq -n --arg ip "$ip" --arg now "$now" '{status: {phase: "Running",
    podIP: $ip, podIPs: [{ip: $ip}], startTime: $now, conditions: [("Initialized", "ContainersReady", "Ready") |
    {type: ., status: "True", lastTransitionTime: $now}]}}')" application/merge-patch+json >/dev/null || return 0
  echo "$(date +%s.%N) $1/$2 Ready at $ip"
}

stop_all() {
  for pid in "${PID[@]}"; do kill -9 "$pid" 2>/dev/null; done
  exit 0
}
trap stop_all TERM INT EXIT

while :; do
  pods=$(call GET "/api/v1/pods?labelSelector=flyball.io/app" |
    jq -r '.items[] | "\(.metadata.namespace) \(.metadata.name) \(.status.podIP // "-")"') || { sleep 0.3; continue; }
  declare -A there=()
  while read -r space name ip; do
    [ -n "$name" ] || continue
    there[$space/$name]=1
    if [ -z "${PID[$space/$name]:-}" ]; then
      start "$space" "$name"
    elif [ "$ip" = - ]; then
      ready "$space" "$name"
    fi
  done <<<"$pods"
  for id in "${!PID[@]}"; do
    [ -z "${there[$id]:-}" ] || continue
    kill "${PID[$id]}" 2>/dev/null || true
    unset "PID[$id]"
  done
  unset there
  sleep 0.3
done
