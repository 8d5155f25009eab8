#!/usr/bin/env bash
# What HTTP promises of an API beyond its routes: conditions, codings, negotiation, origins, over plain curl.
source "$(dirname "$0")/lib.sh"

up "$ROOT/manifests/samples/tasks.yaml"
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

scenario "bodies that cannot be read"
call PATCH "$TASK" '{"title":"x"}' -H 'Content-Encoding: gzip'
same 415 "$STATUS" "a coded body"
same identity "$(header accept-encoding)" "what would be taken"
call PATCH "$TASK" $'{"title":"x"\n,}'
same 400 "$STATUS" "malformed JSON"
has "$(json .detail)" 'line 2, column 2 ' "where"

down
same 0 "$DOWN_STATUS" "exit status"
passed
