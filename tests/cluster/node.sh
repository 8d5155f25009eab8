#!/usr/bin/env bash
# node.sh start DIR | stop DIR | check: a Kubernetes cluster of one node in a network namespace of its own: the control
# plane of control_plane.sh, scheduler, kubelet, kube-proxy, containerd with runc, and names of Services by dnsmasq.
#
# DIR must not be in use; its last component names the namespace and the node's cgroup, so two clusters can run at once.
# `start` returns when the node is Ready and leaves in DIR:
#   kubeconfig    for whoever enters the namespace:  nsenter --net=/run/netns/NAME kubectl --kubeconfig DIR/kubeconfig
#   netns         NAME's path;  *.log, *.pid of each program
# `stop` ends what `start` started, by process id and by cgroup, unmounts what the kubelet mounted and removes DIR. It
# works on what a killed run left, too. `check` says in one line what is missing here, status 3; nothing when all is there.
#
# What a machine that is itself a sandbox needs is said where it is done. NetworkPolicies are not enforced: the ptp plugin
# knows none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
node_address=10.77.0.1 pods=10.78.0.0/24 services=10.96.0.0/16

usage() { echo "usage: node.sh start|stop DIR, or node.sh check" >&2; exit 2; }

missing() {
  local tool
  [ "$(id -u)" -eq 0 ] || { echo "it needs root: network namespaces, mounts and cgroups"; return; }
  for tool in containerd runc ctr iptables ip nsenter dnsmasq openssl curl; do
    command -v "$tool" >/dev/null || { echo "$tool is not installed (make packages-cluster)"; return; }
  done
  [ -x /usr/lib/cni/ptp ] || { echo "/usr/lib/cni/ptp is not installed (make packages-cluster)"; return; }
  ip netns add "flyball-probe-$$" 2>/dev/null || { echo "network namespaces cannot be made here"; return; }
  ip netns del "flyball-probe-$$"
  [ -d /sys/fs/cgroup/memory ] || [ -f /sys/fs/cgroup/cgroup.controllers ] || echo "there are no cgroups here"
}

# --- Ending

ended() { ! kill -0 "$1" 2>/dev/null; }

stop_one() {
  local pid i
  [ -f "$dir/$1.pid" ] || return 0
  pid=$(cat "$dir/$1.pid")
  kill -- "-$pid" 2>/dev/null || true  # each leads a group
  for ((i = 0; i < 100; i++)); do
    ended "$pid" && break
    sleep 0.1
  done
  kill -9 -- "-$pid" 2>/dev/null || true
  rm -f "$dir/$1.pid"
}

# Every process in the node's cgroup, that is in a pod, and the shims that watch over them: they name DIR's socket.
kill_pods() {
  local round pids
  for ((round = 0; round < 50; round++)); do
    pids=$(find /sys/fs/cgroup -path "*/$name/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u)
    pids+=" $(pgrep -f -- "$dir/" || true)"
    [ -n "${pids// /}" ] || return 0
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    sleep 0.1
  done
}

unmount_all() {
  local round target
  for ((round = 0; round < 5; round++)); do
    awk -v dir="$dir/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r >"$dir/mounts"
    [ -s "$dir/mounts" ] || break
    while read -r target; do umount -l "$(printf '%b' "$target")" 2>/dev/null || true; done <"$dir/mounts"
  done
}

stop() {
  [ -d "$dir" ] || return 0
  stop_one names
  stop_one dnsmasq
  stop_one kubelet
  stop_one kube-proxy
  stop_one kube-scheduler
  "$here/control_plane.sh" stop "$dir"
  stop_one containerd
  kill_pods
  unmount_all
  find /sys/fs/cgroup -depth -type d \( -path "*/$name/*" -o -path "*/$name" \) -exec rmdir {} + 2>/dev/null || true
  rm -rf "/var/lib/cni/results/$name-"* "/var/lib/cni/cache/results/$name-"*
  ip netns del "$name" 2>/dev/null || true
  rm -rf "$dir"
}

# --- Starting

die() {
  echo "$1" >&2
  [ ! -f "$dir/$2.log" ] || { echo "the end of its log:" >&2; tail -n 25 "$dir/$2.log" >&2; }
  exit 1
}

inside() { nsenter --net="/run/netns/$name" "$@"; }
kube() { inside "$assets/kubectl" --kubeconfig "$dir/kubeconfig" "$@"; }

launch() {
  local program=$1
  shift
  nsenter --net="/run/netns/$name" setsid "$@" >"$dir/$program.log" 2>&1 </dev/null &
  echo $! >"$dir/$program.pid"
}

# await PROGRAM SECONDS COMMAND...: until the command succeeds; ends with the program's log when it does not.
await() {
  local program=$1 deadline=$((SECONDS + $2))
  shift 2
  while :; do
    kill -0 "$(cat "$dir/$program.pid")" 2>/dev/null || die "$program ended" "$program"
    "$@" >/dev/null 2>&1 && return
    [ $SECONDS -lt $deadline ] || die "$program is not ready" "$program"
    sleep 0.1
  done
}

# A bridge carries the node's address: the kubelet refuses a loopback one, and dummy links may not exist. Services get a
# route, or their addresses would be unreachable before iptables sees them.
make_network() {
  ip netns add "$name"
  echo "/run/netns/$name" >"$dir/netns"
  inside ip link set lo up
  inside ip link add node0 type bridge
  inside ip address add "$node_address/24" dev node0
  inside ip link set node0 up
  inside ip route add "$services" dev node0
  inside sysctl -q -w net.ipv4.ip_forward=1
}

start_containerd() {
  mkdir -p "$dir/cni"
  cat >"$dir/cni/10-flyball.conflist" <<END
{"cniVersion": "0.4.0", "name": "$name", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "dataDir": "$dir/ipam",
    "ranges": [[{"subnet": "$pods"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
END
  # restrict_oom_score_adj: runc may not lower it in a sandbox.
  cat >"$dir/containerd.toml" <<END
version = 2
root = "$dir/containerd"
state = "$dir/containerd-state"
[grpc]
  address = "$dir/containerd.sock"
[ttrpc]
  address = "$dir/containerd.sock.ttrpc"
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/containerd-opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "flyball.test/pause:1"
  restrict_oom_score_adj = true
  disable_apparmor = true
  netns_mounts_under_state_dir = true
  stream_server_address = "127.0.0.1"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = false
END
  launch containerd containerd --config "$dir/containerd.toml" --log-level warn
  await containerd 60 ctr -a "$dir/containerd.sock" version
}

# The pod's first process does nothing; it is compiled here, so that no image is needed from outside.
import_pause() {
  local image=$dir/pause
  mkdir -p "$image/layer"
  printf '#include <unistd.h>\nint main() { for (;;) pause(); }\n' | g++ -x c++ -static -Os -o "$image/layer/pause" -
  tar -C "$image/layer" -cf "$image/layer.tar" pause
  local sum
  sum=$(sha256sum "$image/layer.tar" | cut -d' ' -f1)
  cat >"$image/config.json" <<END
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "config": {"Entrypoint": ["/pause"]},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$sum"]}}
END
  echo '[{"Config": "config.json", "RepoTags": ["flyball.test/pause:1"], "Layers": ["layer.tar"]}]' >"$image/manifest.json"
  tar -C "$image" -cf "$dir/pause.tar" manifest.json config.json layer.tar
  ctr -a "$dir/containerd.sock" -n k8s.io images import "$dir/pause.tar" >/dev/null
}

make_cgroups() {
  local controller
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/$name"
  else
    for controller in /sys/fs/cgroup/*/; do
      [ ! -f "$controller/cgroup.procs" ] || mkdir -p "$controller/$name"
    done
    # A new cpuset has neither CPUs nor memory nodes.
    [ ! -d /sys/fs/cgroup/cpuset ] || for part in cpus mems; do
      cat "/sys/fs/cgroup/cpuset/cpuset.$part" >"/sys/fs/cgroup/cpuset/$name/cpuset.$part"
    done
  fi
}

start_kubelet() {
  make_cgroups
  echo "nameserver $node_address" >"$dir/resolv.conf"
  cat >"$dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://$dir/containerd.sock
cgroupDriver: cgroupfs
cgroupRoot: /$name
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
maxPods: 100
clusterDNS: [$node_address]
clusterDomain: cluster.local
resolvConf: $dir/resolv.conf
registerNode: true
authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $dir/pki/ca.crt}}
authorization: {mode: Webhook}
nodeStatusUpdateFrequency: 4s
END
  launch kubelet "$assets/kubelet" --config "$dir/kubelet.yaml" --kubeconfig "$dir/kubeconfig" --root-dir "$dir/kubelet" \
    --cert-dir "$dir/pki" --hostname-override node --node-ip "$node_address" -v 1
}

# A name for every Service: NAME.NAMESPACE.svc.cluster.local; one file each, which dnsmasq reads as it comes.
start_names() {
  mkdir -p "$dir/names"
  launch dnsmasq dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --hostsdir="$dir/names" \
    --listen-address="$node_address" --bind-interfaces --local=/local/ --local=/svc/ --user=root --pid-file= --log-facility=-
  launch names "$here/service_names.sh" "$assets/kubectl" "$dir"
}

is_ready() {
  [ "$(kube get node node -o 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')" = True ] &&
    kube get serviceaccount default
}

start() {
  [ ! -e "$dir" ] || { echo "$dir is in use; end it with node.sh stop $dir" >&2; exit 1; }
  mkdir -p "$dir"
  assets=$("$here/kube_binaries.sh" cluster)
  trap '[ $? -eq 0 ] || { echo "node.sh: start failed at: $BASH_COMMAND" >&2; stop; }' EXIT
  make_network
  start_containerd
  import_pause
  inside env CONTROL_PLANE_ADDRESS="$node_address" CONTROL_PLANE_SERVICES="$services" "$here/control_plane.sh" start "$dir" >/dev/null
  launch kube-scheduler "$assets/kube-scheduler" --kubeconfig "$dir/kubeconfig" --leader-elect=false --secure-port 0 -v 1
  launch kube-proxy "$assets/kube-proxy" --kubeconfig "$dir/kubeconfig" --hostname-override node --proxy-mode iptables \
    --cluster-cidr "$pods" --conntrack-max-per-core 0 --conntrack-tcp-timeout-established 0s \
    --conntrack-tcp-timeout-close-wait 0s -v 1
  start_kubelet
  start_names
  await kubelet 120 is_ready
  for program in containerd kube-scheduler kube-proxy dnsmasq names; do await $program 1 true; done
  await kube-proxy 60 inside iptables -t nat -L KUBE-SERVICES
}

[ $# -ge 1 ] || usage
case $1 in
  check)
    why=$(missing)
    [ -z "$why" ] || { echo "$why"; exit 3; }
    ;;
  start | stop)
    [[ $# -eq 2 && $2 = /* ]] || usage
    dir=$2 name=$(basename "$2") assets=
    "$1"
    ;;
  *) usage ;;
esac
