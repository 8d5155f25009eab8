#!/usr/bin/env bash
# service_names.sh KUBECTL DIR: the cluster's DNS, as far as the tests need it. Watches all Services and writes a hosts
# file for each into DIR/names, where dnsmasq looks. It leads a process group; end that.
set -u
kubectl=$1 dir=$2
while :; do
  "$kubectl" --kubeconfig "$dir/kubeconfig" get services -A --watch --no-headers \
    -o custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name,IP:.spec.clusterIP |
    while read -r namespace name address; do
      [ "$address" != None ] || continue
      echo "$address $name.$namespace.svc.cluster.local" >"$dir/names/.new"
      cmp -s "$dir/names/.new" "$dir/names/$namespace.$name" && continue
      mv "$dir/names/.new" "$dir/names/$namespace.$name"
      kill -HUP "$(cat "$dir/dnsmasq.pid")"
    done
  sleep 1
done
