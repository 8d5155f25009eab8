#!/usr/bin/env bash
# Load at five times what one pod carries, for 90 s: replicas rise, limits hold the latency until the new pods work, every request
# is answered, and explain's own numbers give the decision again. Capacity: 8 workers a pod, 20 ms a request = 400/s a pod.
source "$(dirname "$0")/lib.sh"
RATE=${RATE:-2000} DURATION=${DURATION:-90} PER_POD=400

up "$ROOT/manifests/samples/load.yaml" --allow-faults --fault delay=20ms --replicas 2:10
"$BIN/flyballctl" load --data "$DATA" --rate "$RATE" --duration "${DURATION}s" --connections 96 --principals 50 \
  -o json >"$WORK/load.json" 2>"$WORK/load.err" &
LOAD_PID=$!

STARTED=$SECONDS
sample() {  # the fleet once a second, as long as the load lasts
  while kill -0 "$LOAD_PID" 2>/dev/null; do
    status_json | jq -c --argjson t "$((SECONDS - STARTED))" '{t:$t, ready:([.pods[]|select(.ready)]|length), desired:.governors[0].replicas.desired,
      connections:([.pods[]|select(.ready)|.name] as $names | [.governors[0].connections // {} | to_entries[] | select(.key | IN($names[])) | .value])}' >>"$WORK/samples"
    sleep 1
  done
}
: >"$WORK/samples"
sample &
SAMPLER=$!

scenario "desired replicas rise within 5 s"
rising() { [ "$(status_json | jq '.governors[0].replicas.desired')" -gt 2 ]; }
eventually 5 rising || fail "desired is still 2 after 5 s: $(status_json)"
echo "  after about $((SECONDS - STARTED)) s"

scenario "new pods carry their share of connections within 20 s of being Ready"
wait "$LOAD_PID" || { cat "$WORK/load.err"; fail "the load generator failed"; }
wait "$SAMPLER"
SPREAD=$(jq -s -r '. as $all | ($all | map(.ready) | max) as $top | ($all | map(select(.ready == $top)) | .[0].t) as $at |
  [$all[] | select(.t >= $at + 20 and .ready == $top)] | last | .connections | (add / length) as $mean | map(. / $mean) | "\(min) \(max)"' "$WORK/samples")
echo "  connections a pod / mean: $SPREAD"
holds "${SPREAD% *} >= 0.7 && ${SPREAD#* } <= 1.3" "share of connections within 30 % of the mean"

scenario "every request is answered"
LOAD=$(cat "$WORK/load.json")
jq -c 'del(.series)' <<<"$LOAD"
same "$(jq .sent <<<"$LOAD")" "$(jq .answered <<<"$LOAD")" "answers = requests"
same 0 "$(jq .resets <<<"$LOAD")" "resets"
same 0 "$(jq .timeouts <<<"$LOAD")" "timeouts"
same 0 "$(jq .missingRetryAfter <<<"$LOAD")" "503 without Retry-After"
same 0 "$(jq '[.byStatus | to_entries[] | select(.key != "503" and (.key | startswith("2") | not)) | .value] | add // 0' <<<"$LOAD")" "answers other than 2xx and 503"

# A pod counts from 3 s after it became Ready: its connections come to it within about 2 s, and the fleet is sampled once a second.
scenario "2xx per second stay at 80 % of what the Ready pods can carry, throughout"
READY_AT=$(jq -s -r --argjson n $((RATE / PER_POD + 1)) 'map(select(.ready >= $n)) | .[0].t // empty' "$WORK/samples")
[ -n "$READY_AT" ] || fail "never $((RATE / PER_POD + 1)) pods Ready: $(cat "$WORK/samples")"
WORST=$(jq -n -r --slurpfile s "$WORK/samples" --slurpfile l "$WORK/load.json" --argjson per $PER_POD --argjson rate "$RATE" '
  [$l[0].series[] | . as $x | ([$s[] | select(.t <= $x.t and .t >= $x.t - 3) | .ready] | min // 2) as $ready |
   select($x.t >= 2 and $x.t < ($l[0].series | length) - 1) | {t: $x.t, ready: $ready, ok: $x.ok, share: ($x.ok / ([($ready * $per), $rate] | min))}] |
  sort_by(.share) | (.[:5][] | "\(.share) at \(.t) s: \(.ok)/s on \(.ready) pods")')
echo "  worst seconds:"; echo "$WORST"; WORST=$(head -1 <<<"$WORST")
holds "${WORST% at*} >= 0.8" "share of the Ready pods' capacity in the worst second"

scenario "with the desired pods Ready, 95 % are 2xx and p99 is within the SLO"
LATE=$(jq -r --argjson from $((READY_AT + 10)) '[.series[] | select(.t >= $from)] | ((map(.ok) | add) / (map(.offered) | add)) as $ok |
  "\($ok) \(map(.p99Ms) | sort | .[(length * 0.95) | floor])"' <<<"$LOAD")
echo "  after $((READY_AT + 10)) s: share 2xx, p99 ms of the worst seconds: $LATE"
holds "${LATE% *} >= 0.95 && ${LATE#* } <= 250" "share of 2xx and p99"

scenario "explain says why, and its numbers give the decision again"
"$BIN/flyballctl" explain --data "$DATA" | tee "$WORK/explain.txt"
has "$(cat "$WORK/explain.txt")" '[0-9]+ (pods|replicas)' "words and numbers"
"$BIN/flyballctl" explain --data "$DATA" -o json >"$WORK/explain.json"
jq -e '.governors[0].decisions | length > 30' "$WORK/explain.json" >/dev/null || fail "decisions are kept"
same "" "$(jq -c -f "$(dirname "$0")/recompute.jq" "$WORK/explain.json")" "decisions that come out otherwise when computed again"
jq '.governors[0].decisions[20].desired += 1' "$WORK/explain.json" >"$WORK/forged.json"
has "$(jq -c -f "$(dirname "$0")/recompute.jq" "$WORK/forged.json")" desired "a forged decision is found out"

scenario "replicas fall after the window"
fallen() { [ "$(status_json | jq '.governors[0].replicas.desired')" -lt "$1" ]; }
PEAK=$(jq -s 'map(.desired) | max' "$WORK/samples")
eventually 320 fallen "$PEAK" || fail "still at $PEAK"
echo "  below the peak of $PEAK pods $((SECONDS - STARTED - DURATION)) s after the load ended"
down
same 0 "$DOWN_STATUS" "exit status"
passed
