#!/usr/bin/env bash
# packages.sh NAME...: installs the Debian packages that are missing, after saying which.
set -euo pipefail
missing=()
for name in "$@"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$name")
done
[ ${#missing[@]} -gt 0 ] || exit 0
echo "installing with apt: ${missing[*]}"
command -v apt-get >/dev/null || { echo "no apt-get here; please install the equivalents of the packages above" >&2; exit 1; }
sudo=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "neither root nor sudo: please install the packages above" >&2; exit 1; }
  sudo=(sudo)
fi
log=$(mktemp)
# Servers come for the tests, which start their own: none of Debian's is to run on this machine for it (policy-rc.d(8)).
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e $policy ]; then
  made_policy=yes
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
  "${sudo[@]}" chmod 755 $policy
fi
done_with() { rm -f "$log"; [ -z "$made_policy" ] || "${sudo[@]}" rm -f $policy; }
trap done_with EXIT
if ! { "${sudo[@]}" apt-get update -qq &&
       "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=900 install -y -qq --no-install-recommends "${missing[@]}"; } \
     >"$log" 2>&1; then
  cat "$log" >&2
  echo "installing failed; see above" >&2
  exit 1
fi
