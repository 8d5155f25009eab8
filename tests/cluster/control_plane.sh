#!/usr/bin/env bash
# control_plane.sh start DIR | stop DIR: a Kubernetes control plane without nodes - etcd, kube-apiserver and
# kube-controller-manager - as processes of its own in DIR, on free ports. Pods are admitted and owned, but never run.
#
# `start` returns when the API server is ready and leaves in DIR:
#   kubeconfig        cluster-admin by client certificate; the server's certificate is signed by DIR/pki/ca.crt
#   kubeconfig.token  the same by bearer token
#   server, token     the URL and the token alone
#   *.log, *.pid      of each program
# `stop` ends the three by their process ids and waits for them. Starting in a DIR that was used before goes on with its data.
#
# The programs come from KUBEBUILDER_ASSETS (as envtest has it), else from kube_binaries.sh; etcd also from the PATH.
#   CONTROL_PLANE_ADDRESS  where they listen (127.0.0.1)        CONTROL_PLANE_PORT  of the API server (a free one)
#   CONTROL_PLANE_SERVICES range of ClusterIPs (10.96.0.0/16)   CONTROL_PLANE_WITHOUT_CONTROLLERS=1  leaves those out
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 2 ] || { echo "usage: control_plane.sh start|stop DIR" >&2; exit 2; }
dir=$2
address=${CONTROL_PLANE_ADDRESS:-127.0.0.1}
services=${CONTROL_PLANE_SERVICES:-10.96.0.0/16}

# stop_one NAME: SIGTERM, then SIGKILL after 10 s.
stop_one() {
  local pid i
  [ -f "$dir/$1.pid" ] || return 0
  pid=$(cat "$dir/$1.pid")
  kill "$pid" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -9 "$pid" 2>/dev/null || true
  rm -f "$dir/$1.pid"
}

stop_all() {
  stop_one kube-controller-manager
  stop_one kube-apiserver
  stop_one etcd
}

launch() {
  local name=$1
  shift
  setsid "$@" >"$dir/$name.log" 2>&1 </dev/null &
  echo $! >"$dir/$name.pid"
}

alive() { kill -0 "$(cat "$dir/$1.pid")" 2>/dev/null; }

# A port that nobody listens on now; whoever loses the race for it tries another.
free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    (: <"/dev/tcp/$address/$port") 2>/dev/null || { echo $port; return; }
  done
}

openssl_quiet() { openssl "$@" 2>>"$dir/pki/openssl.log"; }

# certificate NAME SUBJECT [EXTENSION]: pki/NAME.{key,crt}, signed by the cluster's CA.
certificate() {
  openssl_quiet req -newkey rsa:2048 -nodes -keyout "$dir/pki/$1.key" -subj "$2" -out "$dir/pki/$1.csr"
  openssl_quiet x509 -req -in "$dir/pki/$1.csr" -CA "$dir/pki/ca.crt" -CAkey "$dir/pki/ca.key" -CAcreateserial -days 365 \
    -extfile <(printf '%s\n' "extendedKeyUsage=clientAuth,serverAuth" "${3:-}") -out "$dir/pki/$1.crt"
}

make_keys() {
  [ -f "$dir/pki/done" ] && return
  mkdir -p "$dir/pki"
  openssl_quiet req -x509 -newkey rsa:2048 -nodes -keyout "$dir/pki/ca.key" -out "$dir/pki/ca.crt" -days 365 \
    -subj /CN=flyball-test-ca -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
  local first=${services%.*/*}.1
  certificate apiserver /CN=kube-apiserver \
    "subjectAltName=IP:$address,IP:127.0.0.1,IP:$first,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
  certificate admin /O=system:masters/CN=admin
  openssl_quiet genrsa -out "$dir/pki/sa.key" 2048
  openssl_quiet rsa -in "$dir/pki/sa.key" -pubout -out "$dir/pki/sa.pub"
  openssl rand -hex 24 >"$dir/token"
  printf '%s,token-admin,token-admin,system:masters\n' "$(cat "$dir/token")" >"$dir/pki/tokens.csv"
  touch "$dir/pki/done"
}

# kubeconfig FILE USER-LINES
kubeconfig() {
  cat >"$1" <<END
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "$(cat "$dir/server")", certificate-authority: "$dir/pki/ca.crt"}}]
users: [{name: admin, user: {$2}}]
contexts: [{name: test, context: {cluster: test, user: admin, namespace: default}}]
current-context: test
END
}

start_etcd() {
  local client peer
  client=$(free_port) peer=$(free_port)
  launch etcd "$etcd" --name test --data-dir "$dir/etcd" --unsafe-no-fsync --log-level warn --logger zap --log-outputs stderr \
    --listen-client-urls "http://127.0.0.1:$client" --advertise-client-urls "http://127.0.0.1:$client" \
    --listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
    --initial-cluster "test=http://127.0.0.1:$peer" --force-new-cluster
  etcd_url=http://127.0.0.1:$client
  for ((i = 0; i < 300; i++)); do
    alive etcd || return 1
    curl -sf --max-time 2 "$etcd_url/health" >/dev/null && return 0
    sleep 0.1
  done
  return 1
}

start_apiserver() {
  local port=${CONTROL_PLANE_PORT:-$(free_port)}
  echo "https://$address:$port" >"$dir/server"
  launch kube-apiserver "$assets/kube-apiserver" --etcd-servers "$etcd_url" \
    --bind-address "$address" --advertise-address "$address" --secure-port "$port" \
    --tls-cert-file "$dir/pki/apiserver.crt" --tls-private-key-file "$dir/pki/apiserver.key" --cert-dir "$dir/pki" \
    --client-ca-file "$dir/pki/ca.crt" --token-auth-file "$dir/pki/tokens.csv" --authorization-mode Node,RBAC \
    --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/pki/sa.pub" \
    --service-account-signing-key-file "$dir/pki/sa.key" --service-cluster-ip-range "$services" \
    --kubelet-preferred-address-types InternalIP --kubelet-client-certificate "$dir/pki/admin.crt" \
    --kubelet-client-key "$dir/pki/admin.key" --allow-privileged=true --profiling=false -v 1
  for ((i = 0; i < 1200; i++)); do
    alive kube-apiserver || return 1
    curl -sf --max-time 5 --cacert "$dir/pki/ca.crt" -H "Authorization: Bearer $(cat "$dir/token")" \
      "$(cat "$dir/server")/readyz" >/dev/null && return 0
    sleep 0.1
  done
  return 1
}

# attempt NAME STARTER: three times, because another process may take a free port first.
attempt() {
  local i
  for ((i = 0; i < 3; i++)); do
    "$2" && return 0
    stop_one "$1"
    grep -q 'address already in use' "$dir/$1.log" || break
  done
  echo "$1 did not become ready; the end of $dir/$1.log:" >&2
  tail -n 20 "$dir/$1.log" >&2
  stop_all
  exit 1
}

start_controllers() {
  # Timeouts of a cluster with nodes do not matter here; faster syncs do.
  launch kube-controller-manager "$assets/kube-controller-manager" --kubeconfig "$dir/kubeconfig" --leader-elect=false \
    --secure-port 0 --service-account-private-key-file "$dir/pki/sa.key" --root-ca-file "$dir/pki/ca.crt" \
    --profiling=false -v 1
  for ((i = 0; i < 600; i++)); do
    alive kube-controller-manager || break
    # It has begun its work when the namespace has got its account.
    curl -sf --max-time 5 --cacert "$dir/pki/ca.crt" -H "Authorization: Bearer $(cat "$dir/token")" \
      "$(cat "$dir/server")/api/v1/namespaces/default/serviceaccounts/default" >/dev/null && return 0
    sleep 0.1
  done
  return 1
}

case $1 in
  stop) stop_all ;;
  start)
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    assets=$("$here/kube_binaries.sh" operator)
    etcd=$assets/etcd
    [ -x "$etcd" ] || etcd=$(command -v etcd) || { echo "no etcd: apt-get install etcd-server" >&2; exit 3; }
    make_keys
    attempt etcd start_etcd
    attempt kube-apiserver start_apiserver
    kubeconfig "$dir/kubeconfig" "client-certificate: \"$dir/pki/admin.crt\", client-key: \"$dir/pki/admin.key\""
    kubeconfig "$dir/kubeconfig.token" "token: \"$(cat "$dir/token")\""
    [ -n "${CONTROL_PLANE_WITHOUT_CONTROLLERS:-}" ] || attempt kube-controller-manager start_controllers
    echo "$(cat "$dir/server") is ready; KUBECONFIG=$dir/kubeconfig"
    ;;
  *) echo "usage: control_plane.sh start|stop DIR" >&2; exit 2 ;;
esac
