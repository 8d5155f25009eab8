#!/usr/bin/env bash
# kube_binaries.sh [operator|cluster|helm]: builds the programs that Debian does not have from their Go modules, pinned by
# tests/cluster/{kube,helm}/go.sum, once for each version, and prints the folder that holds them.
#   operator  kube-apiserver, kube-controller-manager, kubectl (what `make test-operator` needs; the default)
#   cluster   these, kube-scheduler, kubelet and kube-proxy (what `make test-cluster` needs)
#   helm      helm
# The folder is $FLYBALL_CACHE (~/.cache/flyball)/kube-VERSION or /helm-VERSION. Programs are built beside it and moved in
# when complete, so a build that was cut off leaves nothing half made; two builds at once wait for each other.
# When KUBEBUILDER_ASSETS names a folder with all that `operator` needs, that folder is printed and nothing is built.
# Needs Go 1.25 or newer: $GO, the one on the PATH, or /usr/local/go/bin/go. Exit status 3 when there is none.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
what=${1:-operator}
kube=v1.35.4

case $what in
  operator) module=kube names=(kube-apiserver kube-controller-manager kubectl) ;;
  cluster) module=kube names=(kube-apiserver kube-controller-manager kubectl kube-scheduler kubelet kube-proxy) ;;
  helm) module=helm names=(helm) ;;
  *) echo "kube_binaries.sh: '$what' is none of operator, cluster, helm" >&2; exit 2 ;;
esac

missing_in() {
  local folder=$1 name
  for name in "${names[@]}"; do [ -x "$folder/$name" ] || echo "$name"; done
}

if [ "$what" = operator ] && [ -n "${KUBEBUILDER_ASSETS:-}" ] && [ -z "$(missing_in "$KUBEBUILDER_ASSETS")" ]; then
  echo "$KUBEBUILDER_ASSETS"
  exit 0
fi

version=$kube
[ $module = kube ] || version=$(awk '$1 == "require" && $2 == "helm.sh/helm/v3" {print $3}' "$here/helm/go.mod")
folder=${FLYBALL_CACHE:-$HOME/.cache/flyball}/$module-$version
mapfile -t missing < <(missing_in "$folder")
if [ ${#missing[@]} -eq 0 ]; then
  echo "$folder"
  exit 0
fi

go=${GO:-$(command -v go || true)}
{ [ -n "$go" ] && "$go" version | grep -qE 'go1\.(2[5-9]|[3-9][0-9])'; } || go=/usr/local/go/bin/go
if ! [ -x "$go" ]; then
  echo "no Go 1.25 or newer (GO=$go): it builds $(IFS=,; echo "${missing[*]}") for the tests against Kubernetes" >&2
  exit 3
fi

mkdir -p "$folder"
exec 9>"$folder/.lock"
flock 9
mapfile -t missing < <(missing_in "$folder")
if [ ${#missing[@]} -gt 0 ]; then
  fresh=$(mktemp -d "$folder/.building.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  packages=()
  for name in "${missing[@]}"; do
    if [ $module = kube ]; then packages+=("k8s.io/kubernetes/cmd/$name"); else packages+=("helm.sh/helm/v3/cmd/helm"); fi
  done
  echo "building ${missing[*]} $version with $("$go" version | cut -d' ' -f3); this takes minutes, once" >&2
  stamp="-X k8s.io/component-base/version.gitVersion=$kube -X k8s.io/client-go/pkg/version.gitVersion=$kube"
  [ $module = kube ] || stamp="-X helm.sh/helm/v3/internal/version.version=$version"
  begin=$SECONDS
  (cd "$here/$module" && CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS='-mod=readonly -buildvcs=false' \
    "$go" build -trimpath -ldflags "-s -w $stamp" -o "$fresh/" "${packages[@]}") >&2
  for name in "${missing[@]}"; do mv "$fresh/$name" "$folder/$name"; done
  echo "built ${missing[*]} in $((SECONDS - begin)) s" >&2
fi
echo "$folder"
