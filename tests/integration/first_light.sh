#!/usr/bin/env bash
# A newcomer's first minutes with the tasks sample, over plain curl.
source "$(dirname "$0")/lib.sh"

up "$ROOT/manifests/samples/tasks.yaml"

scenario "the terminal ends with the URLs"
ends_with_urls() { tail -12 "$WORK/up.log" | grep -qF "http://127.0.0.1:$PORT"; }
eventually 60 ends_with_urls || fail "no URL at the end of up.log"

scenario "register and log in"
TOKEN=''
call POST /api/v1/auth/register '{"email":"ann@example.org","name":"Ann","password":"correct horse battery"}'
same 201 "$STATUS" "register"
same Bearer "$(json .tokenType)" "token type"
same ann@example.org "$(json .user.email)" "user"
same null "$(json .user.passwordHash)" "no hash in an answer"
call POST /api/v1/auth/login '{"email":"ANN@example.org","password":"correct horse battery"}'
same 200 "$STATUS" "login, e-mail in another case"
ANN=$(json .accessToken)
call POST /api/v1/auth/login '{"email":"ann@example.org","password":"wrong horse battery"}'
same 401 "$STATUS" "wrong password"
WRONG=$(json 'del(.requestId)')
call POST /api/v1/auth/login '{"email":"nobody@example.org","password":"wrong horse battery"}'
same "$WRONG" "$(json 'del(.requestId)')" "an unknown account looks the same"
call POST /api/v1/auth/register '{"email":"eve@example.org","name":"Eve","password":"correct horse battery","role":"admin"}'
same 403 "$STATUS" "role in sign-up"
BEN=$(register ben@example.org)

scenario "create, read, list, update, delete"
TOKEN=$ANN
call POST /api/v1/tasks '{"title":"Write the README","priority":"high"}'
same 201 "$STATUS" "create"
ID=$(json .id)
same "/api/v1/tasks/$ID" "$(header location)" "Location"
same '"1"' "$(header etag)" "ETag"
same pending "$(json .status)" "default"
call GET "/api/v1/tasks/$ID"
same 200 "$STATUS" "read"
call GET '/api/v1/tasks?status=pending&sort=-createdAt&fields=id,title'
same 200 "$STATUS" "list"
same "$ID" "$(json '.data[0].id')" "list"
same id,title "$(json '.data[0] | keys | join(",")')" "field selection"
call PATCH "/api/v1/tasks/$ID" '{"status":"completed"}'
same 200 "$STATUS" "update"
same '"2"' "$(header etag)" "the version moved"

scenario "another user's task does not exist"
TOKEN=$BEN
call GET "/api/v1/tasks/$ID"
same 404 "$STATUS" "read"
HIDDEN=$(json 'del(.requestId,.instance)')
call GET /api/v1/tasks/019aa5e0-0000-7000-8000-000000000000
same "$HIDDEN" "$(json 'del(.requestId,.instance)')" "hidden and absent look the same"
call DELETE "/api/v1/tasks/$ID"
same 404 "$STATUS" "delete"
TOKEN=''
call GET /api/v1/tasks
same 401 "$STATUS" "anonymous"
has "$HEADERS" '^[Ww][Ww][Ww]-[Aa]uthenticate: Bearer' "challenge"

scenario "a bad body gets every error at once"
TOKEN=$ANN
call POST /api/v1/tasks '{"title":"","priority":"urgent","dueDate":"2026-02-30T00:00:00Z","colour":"red"}'
same 422 "$STATUS" "status"
same /colour,/dueDate,/priority,/title "$(json '[.errors[].pointer] | sort | join(",")')" "pointers"
has "$HEADERS" '^[Cc]ontent-[Tt]ype: application/problem\+json' "type"
call POST /api/v1/tasks '{"title":'
same 400 "$STATUS" "malformed JSON"

scenario "delete"
call DELETE "/api/v1/tasks/$ID"
same 204 "$STATUS" "delete"
call GET "/api/v1/tasks/$ID"
same 404 "$STATUS" "gone"

scenario "an administrator made on the command line sees all"
PASSWORD=$("$BIN/flyballctl" users create --data "$DATA" --role admin --email root@example.org --name Root -o json | jq -r .password)
call POST /api/v1/tasks '{"title":"of Ann"}'
same 201 "$STATUS" "create"
TOKEN=''
call POST /api/v1/auth/login "{\"email\":\"root@example.org\",\"password\":\"$PASSWORD\"}"
same 200 "$STATUS" "login"
TOKEN=$(json .accessToken)
call GET '/api/v1/tasks?limit=100&total=true'
has "$(json '.data[].title')" '^of Ann$' "admin sees Ann's task"

scenario "quotas answer 429 with Retry-After"
TOKEN=''
for i in $(seq 7); do call POST /api/v1/auth/login '{"email":"ben@example.org","password":"wrong horse battery"}'; done
same 429 "$STATUS" "seventh bad login within a minute"
has "$(header retry-after)" '^[0-9]+$' "Retry-After"

scenario "Ctrl-C ends everything with status 0"
PODS=$(status_json | jq -r '.pods[].pid')
down
same 0 "$DOWN_STATUS" "exit status"
for pid in $PODS; do kill -0 "$pid" 2>/dev/null && fail "pod $pid is still there"; done
[ ! -e "$DATA/run.json" ] || fail "run.json was left behind"
passed
