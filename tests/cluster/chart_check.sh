#!/usr/bin/env bash
# chart_check.sh: the chart by `helm lint` and `helm template` with each of its ci/*-values.yaml, values that must be
# refused, and manifests/rbac against the chart it is rendered from (WRITE=1 writes it anew). `make lint-chart`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
chart=$root/charts/flyball
helm=$("$here/kube_binaries.sh" helm)/helm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0
wrong() { echo "chart: $*" >&2; exit 1; }
newest=1.35.4 oldest=1.29.0
render() { "$helm" template flyball "$chart" --namespace flyball --kube-version $newest "$@"; }

"$helm" lint --strict --kube-version $newest "$chart" >"$work/lint" || { cat "$work/lint"; exit 1; }
for values in "$chart"/ci/*-values.yaml; do
  render --values "$values" >"$work/out.yaml" || wrong "${values##*/} does not render"
  render --values "$values" --kube-version $oldest >/dev/null || wrong "${values##*/} does not render for $oldest"
  "$helm" lint --strict --kube-version $newest "$chart" --values "$values" >"$work/lint" || { cat "$work/lint"; wrong "${values##*/}"; }
  # Every object has kind and name; nothing may name a wildcard.
  awk '/^kind:/ {kinds++} /^metadata:/ {names++} END {exit !(kinds > 0 && kinds == names)}' "$work/out.yaml" ||
    wrong "${values##*/}: an object lacks kind or metadata"
  ! grep -nE "(verbs|resources|apiGroups): .*['\"]\*" "$work/out.yaml" || wrong "${values##*/}: a wildcard in a role"
  ! grep -nE '<no value>|%!' "$work/out.yaml" || wrong "${values##*/}: a template lost a value"
  checks=$((checks + 1))
done

# refused PATTERN FLAGS...: the schema says what is wrong
refused() {
  local said
  if said=$(render "${@:2}" 2>&1 >/dev/null); then wrong "not refused: ${*:2}"; fi
  grep -qE "$1" <<<"$said" || wrong "${*:2} is refused, but without '$1': $said"
  checks=$((checks + 1))
}
refused 'autoscaler.replicas' --set autoscaler.replicas=0
refused 'scope' --set scope=everything
refused 'replica' --set autoscaler.replica=2
refused 'pullPolicy' --set image.pullPolicy=Sometimes
refused 'size' --set trial.postgresql.storage.size=big

# says PATTERN FLAGS...
says() { render "${@:2}" >"$work/out.yaml"; grep -qE -- "$1" "$work/out.yaml" || wrong "no '$1' with ${*:2}"; checks=$((checks + 1)); }
says '--database-secret=flyball-postgresql/url'
says '--database-secret=mine/uri' --set database.existingSecret=mine,database.key=uri
says '--redis-secret=flyball-redis/url' --set database.existingSecret=mine
says 'kind: ClusterRole$' --set scope=cluster
says 'kind: PodDisruptionBudget'
render --set trial.enabled=false >"$work/out.yaml"
! grep -qE 'postgres|--redis-secret' "$work/out.yaml" || wrong "traces of the trial without it"

for scope in namespace cluster; do
  { echo "# Rendered from charts/flyball by WRITE=1 tests/cluster/chart_check.sh; for whoever does not use helm."
    render --set scope=$scope --show-only templates/rbac.yaml |
      sed -E '/^# Source:/d; /helm.sh\/chart:/d; /app.kubernetes.io\/managed-by: Helm/d; /^(    )?[a-z.]*app.kubernetes.io\/version:/d'
  } >"$work/$scope.yaml"
  [ -z "${WRITE:-}" ] || { mkdir -p "$root/manifests/rbac"; cp "$work/$scope.yaml" "$root/manifests/rbac/$scope.yaml"; }
  diff -u "$root/manifests/rbac/$scope.yaml" "$work/$scope.yaml" || wrong "manifests/rbac/$scope.yaml is not what the chart says"
done
echo "chart: $checks checks, $(find "$chart/ci" -name '*-values.yaml' | wc -l) sets of values"
