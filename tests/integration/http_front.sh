#!/usr/bin/env bash
# What HTTP promises of an API beyond its routes: conditions, codings, negotiation, origins, over plain curl.
source "$(dirname "$0")/lib.sh"

# The sample, with what a page at another origin and a proxy in front need.
NEEDS='  cors: {origins: [https://app.example.org], maxAge: 1m}\n  http: {maxBody: 8KiB}\n  deploy: {trustedProxies: [127.0.0.0/8]}'
sed "s|^  base: /api/v1.*|&\\n$NEEDS|" "$ROOT/manifests/samples/tasks.yaml" >"$WORK/app.yaml"
export FLYBALL_ACCESS_LOG=all
up "$WORK/app.yaml"
TOKEN=$(register ann@example.org)
call POST /api/v1/tasks '{"title":"one"}'
same 201 "$STATUS" "create"
TASK=/api/v1/tasks/$(json .id)

scenario "conditions"
call PUT "$TASK" '{"title":"two"}' -H 'If-None-Match: *'
same 412 "$STATUS" "create-only, and it exists"
call PUT /api/v1/tasks/019aa5e0-0000-7000-8000-000000000000 '{"title":"two"}' -H 'If-None-Match: *'
same 404 "$STATUS" "PUT does not create"
call PATCH "$TASK" '{"title":"two"}' -H 'If-Match: junk'
same 400 "$STATUS" "no entity-tag"
has "$(json .detail)" 'If-Match is malformed' "the reason"
call PATCH "$TASK" '{"title":"two"}' -H 'If-Match;'
same 400 "$STATUS" "an empty If-Match is not an absent one"
call PATCH "$TASK" '{"title":' -H 'If-Match: "7"'
same 412 "$STATUS" "conditions come before the body"
call PATCH "$TASK" '{"title":"two"}' -H 'If-Match: "7"' -H 'If-Match: "1"'
same 200 "$STATUS" "two lines are one list"
call GET "$TASK" '' -H 'If-None-Match: "2"'
same 304 "$STATUS" "not modified"

call GET "$TASK" '' -H 'If-Match: "1"' -H 'Range: bytes=0-9'
same 412 "$STATUS" "a part of a version that is gone"
call GET "$TASK" '' -H 'If-Match: W/"2"'
same 412 "$STATUS" "If-Match compares strongly"
call GET "$TASK" '' -H 'If-Match: "2"' -H 'Range: bytes=0-9'
same 206 "$STATUS" "a part of this version"
call GET /api/v1/tasks '' -H 'If-Match: "2"'
same 412 "$STATUS" "a collection has no ETag"

scenario "bodies that cannot be read"
call PUT "$TASK" '{"title":"part"}' -H 'Content-Range: bytes 0-14/100'
same 400 "$STATUS" "a part is not taken for the whole"
call PATCH "$TASK" '{"title":"x"}' -H 'Content-Type: text/plain'
same 400 "$STATUS" "two types"
call PATCH "$TASK" '' -H 'Content-Type: application/json-patch+json' --data-binary '[]'
same 415 "$STATUS" "another patch format"
same 'application/merge-patch+json, application/json' "$(header accept-patch)" "the formats there are (RFC 5789)"
call PATCH "$TASK" '{"title":"x"}' -H 'Content-Encoding: gzip'
same 415 "$STATUS" "a coded body"
same identity "$(header accept-encoding)" "what would be taken"
call PATCH "$TASK" $'{"title":"x"\n,}'
same 400 "$STATUS" "malformed JSON"
has "$(json .detail)" 'line 2, column 2 ' "where"

scenario "questions that lists do not answer yet"
call GET '/api/v1/tasks?expand=createdBy'
same 400 "$STATUS" "expand"
same 'is not built yet; what a row refers to is read by its id' "$(json '.errors[0].message')" "what does instead"

scenario "credentials"
OURS=$TOKEN
TOKEN='' call GET "$TASK"
same 401 "$STATUS" "no token"
same 'Bearer realm="api"' "$(header www-authenticate)" "a challenge has a parameter (RFC 6750)"
DETAIL=$(json .detail)
TOKEN=forged call GET "$TASK"
same 401 "$STATUS" "a forged token"
same 'Bearer realm="api", error="invalid_token"' "$(header www-authenticate)" "the challenge names the error"
same "$DETAIL" "$(json .detail)" "whatever is wrong with a token, the body is the same"
TOKEN=$OURS
OURS=$TOKEN TOKEN=''
call GET "$TASK" '' -H "Authorization: bearer   $OURS"
same 200 "$STATUS" "any case and more than one space"
call POST /api/v1/auth/login '{"email":"ann@example.org","password":"correct horse battery"}'
same no-store "$(header cache-control)" "no cache keeps a token"
TOKEN=$OURS

scenario "codings"
TEXT=$(printf 'task %.0s' $(seq 300))
call PATCH "$TASK" "{\"description\":\"$TEXT\"}"
same 200 "$STATUS" "a long description"
for coding in gzip br; do
  call GET "$TASK" '' -H "Accept-Encoding: $coding"
  same "$coding" "$(header content-encoding)" "coding"
  same "\"3-$coding\"" "$(header etag)" "the tag of the coded body"
  has "$(header vary)" 'Accept-Encoding' "Vary"
  call GET "$TASK" '' -H "Accept-Encoding: $coding" -H "If-None-Match: \"3-$coding\""
  same 304 "$STATUS" "the coded body is known"
done
call GET "$TASK" '' --compressed
same "$TEXT" "$(json .description)" "what is decoded is what was written"
call PATCH "$TASK" '{"title":"three"}' -H 'If-Match: "3-gzip"'
same 200 "$STATUS" "the tag of the coded body names the version"
call GET "$TASK" '' -H 'Accept-Encoding: identity;q=0, zstd'
same 406 "$STATUS" "no coding fits"
call GET "$TASK" '' -H 'Accept: text/html'
same 406 "$STATUS" "no type fits"

scenario "another origin"
ORIGIN=(-H 'Origin: https://app.example.org')
call GET "$TASK" '' "${ORIGIN[@]}"
same https://app.example.org "$(header access-control-allow-origin)" "may read"
has "$(header access-control-expose-headers)" 'RateLimit' "and sees its quota"
TOKEN='' call OPTIONS "$TASK" '' "${ORIGIN[@]}" -H 'Access-Control-Request-Method: PATCH'
same 204 "$STATUS" "preflight"
has "$(header access-control-allow-methods)" 'PATCH' "methods"
same 60 "$(header access-control-max-age)" "age"
call GET "$TASK" '' -H 'Origin: https://evil.example'
same '' "$(header access-control-allow-origin)" "may not"

scenario "a trusted proxy in front"
call GET "$TASK"
same '' "$(header strict-transport-security)" "no HSTS over plain HTTP"
call GET "$TASK" '' -H 'X-Forwarded-For: 1.1.1.1, 203.0.113.9' -H 'X-Forwarded-Proto: https' \
  -H 'X-Request-Id: from-the-proxy'
has "$(header strict-transport-security)" 'max-age=' "HSTS"
same from-the-proxy "$(header x-request-id)" "its request id"
LOGIN='{"email":"nobody@example.org","password":"wrong horse battery"}'
for _ in $(seq 7); do TOKEN='' call POST /api/v1/auth/login "$LOGIN" -H 'X-Forwarded-For: 203.0.113.1'; done
same 429 "$STATUS" "the quota of one client"
TOKEN='' call POST /api/v1/auth/login "$LOGIN" -H 'X-Forwarded-For: 203.0.113.2'
same 401 "$STATUS" "is not that of another"
TOKEN='' call POST /api/v1/auth/login "$LOGIN" -H 'X-Forwarded-For: 203.0.113.2, 203.0.113.1'
same 429 "$STATUS" "and cannot be changed by what the client says"

scenario "bodies have limits"
call PATCH "$TASK" "{\"description\":\"$(printf 'x%.0s' $(seq 9000))\"}"
same 413 "$STATUS" "larger than http.maxBody"

scenario "the access log"
logged() { cat "$DATA"/logs/pod-*.log | grep -E '"id":"from-the-proxy"' >"$WORK/line"; }
eventually 60 logged || fail "no line of the request"
same "access 203.0.113.9 GET $TASK tasks.read 200" \
  "$(jq -r '"\(.message) \(.client) \(.method) \(.path) \(.route) \(.status)"' "$WORK/line")" "the line"
grep -hE "${TOKEN:0:20}|horse" "$DATA"/logs/pod-*.log && fail "a secret in the log"

down
same 0 "$DOWN_STATUS" "exit status"
passed
