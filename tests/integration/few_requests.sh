#!/usr/bin/env bash
# A fleet that was just used (accounts made, some logins, each a quarter of a second of computing) and then sees two
# requests a second stays at its least number of pods: what idle pods compute is not the price of the few that come.
source "$(dirname "$0")/lib.sh"
SECONDS_OF_LITTLE=${SECONDS_OF_LITTLE:-40}

sed -e 's/user: 100,/user: 100000,/' -e 's/anonymous: 100,/anonymous: 100000,/' -e 's|rate: 5/1m|rate: 1000/1m|' \
    -e 's/burst: 5$/burst: 1000/' -e 's|rate: 60/1h|rate: 10000/1h|' -e 's/burst: 20$/burst: 1000/' \
    "$ROOT/manifests/samples/tasks.yaml" >"$WORK/tasks.yaml"
up "$WORK/tasks.yaml"

scenario "twelve accounts, 150 reads, six logins"
for i in $(seq 12); do TOKEN=$(register "user$i@example.org"); done
for _ in $(seq 150); do call GET '/api/v1/tasks?limit=1'; done
same 200 "$STATUS" "list"
for i in $(seq 6); do
  call POST /api/v1/auth/login "{\"email\":\"user$i@example.org\",\"password\":\"correct horse battery\"}"
  same 200 "$STATUS" "login"
done

scenario "two requests a second for $SECONDS_OF_LITTLE s: the fleet stays at its least"
: >"$WORK/seen"
for _ in $(seq $((SECONDS_OF_LITTLE * 2))); do
  call GET '/api/v1/tasks?limit=1'
  same 200 "$STATUS" "list"
  read -r desired wanted < <(status_json | jq -r '.governors[0].replicas | "\(.desired) \(.raw)"')
  echo "$desired $wanted" >>"$WORK/seen"
  sleep 0.5
done
"$BIN/flyballctl" explain --data "$DATA" | tail -16
# A machine that pauses for a second in the middle of a request makes that one dear; nine of ten samples are without.
read -r OFTEN MOST < <(awk '{ n += ($1 == 2 && $2 <= 2) } $1 > most { most = $1 } END { print n / NR, most }' "$WORK/seen")
echo "  at the least number of pods in $OFTEN of the samples; at most $MOST"
holds "$OFTEN >= ${STRICT:-0.9}" "share of samples with 2 replicas desired and asked for"

down
same 0 "$DOWN_STATUS" "exit status"
passed
