#!/usr/bin/env bash
# Pods on one PostgreSQL: `flyballctl up --database`, and two pods that share nothing else, as on two machines.
source "$(dirname "$0")/lib.sh"

PGBIN=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -V | tail -1)
[ -n "$PGBIN" ] || { echo "SKIPPED: no PostgreSQL server (apt-get install postgresql)"; exit 77; }
PG=$WORK/pg PG_PID='' PODS=()
mkdir -p "$PG"
chmod 711 "$WORK"
AS=()
[ "$(id -u)" -ne 0 ] || { AS=(setpriv --reuid=postgres --regid=postgres --clear-groups); chown postgres "$PG"; }
PG_PORT=$(free_port)
SECRET=hunter2

in_pg() { (cd "$PG" && "${AS[@]}" "$PGBIN/$1" "${@:2}"); }
start_pg() {
  (cd "$PG" && exec "${AS[@]}" "$PGBIN/postgres" -D "$PG/data" -k "$PG" -h 127.0.0.1 -p "$PG_PORT" -c fsync=off) \
    >>"$WORK/pg.log" 2>&1 &
  PG_PID=$!
  eventually 60 in_pg pg_isready -q -h "$PG" -p "$PG_PORT" || { cat "$WORK/pg.log"; fail "PostgreSQL did not start"; }
}
kill_pg() { kill -QUIT "$PG_PID"; wait "$PG_PID" || true; }
sql() { in_pg psql -qAtX -h "$PG" -p "$PG_PORT" -U app "${2:-postgres}" -c "$1"; }
url() { echo "postgresql://app:${2:-$SECRET}@127.0.0.1:$PG_PORT/$1"; }

# ends STATUS PATTERN COMMAND...: it ends by itself, with that status and one line that matches and holds no password.
ends() {
  local status=0 said
  said=$(timeout 60 "${@:3}" 2>&1) || status=$?
  same "$1" "$status" "exit status of ${*:3:1} ($said)"
  has "$said" "$2" "what it says"
  grep -qE 'hunter[23]' <<<"$said" && fail "the password is in: $said"
  return 0
}

# pod NAME PORT [VARIABLE=VALUE...]: starts a pod with a data folder of its own
pod() {
  env "${@:3}" "$BIN/flyball-api" "$ROOT/manifests/samples/tasks.yaml" --pod "$1" --data "$WORK/$1" --port "$2" \
    --drain-delay 0s >"$WORK/$1.log" 2>&1 &
  PODS+=($!)
}
ready() { curl -fs -o /dev/null "http://127.0.0.1:$1/readyz"; }
on() { API=http://127.0.0.1:$1 call "${@:2}"; }
answers() { on "$1" GET "$2"; [ "$STATUS" = "$3" ]; }

echo "$SECRET" >"$PG/password"
[ "$(id -u)" -ne 0 ] || chown postgres "$PG/password"
in_pg initdb -D "$PG/data" -U app --auth-local=trust --auth-host=scram-sha-256 --pwfile="$PG/password" -E UTF8 --no-sync \
  >"$WORK/initdb.log" 2>&1 || { cat "$WORK/initdb.log"; fail "initdb"; }
start_pg
sql 'create database tasks'
sql 'create database machines'

scenario "what cannot be reached or is refused is one line, and no pod starts"
TASKS=$ROOT/manifests/samples/tasks.yaml
quick() { echo "$BIN/flyballctl" up "$TASKS" --data "$WORK/none" --port 0 --console-port 0 --database "$1"; }
mapfile -t WRONG < <(quick "$(url tasks hunter3)" | tr ' ' '\n')
ends 1 "database tasks at 127.0.0.1:$PG_PORT refuses user app: password authentication failed" "${WRONG[@]}"
mapfile -t WRONG < <(quick "$(url missing)" | tr ' ' '\n')
ends 1 'refuses user app: database "missing" does not exist' "${WRONG[@]}"
mapfile -t WRONG < <(quick "postgresql://app:$SECRET@127.0.0.1:1/tasks" | tr ' ' '\n')
ends 1 'cannot reach the database tasks at 127.0.0.1:1: Connection refused' "${WRONG[@]}"
mapfile -t WRONG < <(quick "postgresql://app:$SECRET%zz@127.0.0.1/tasks" | tr ' ' '\n')
ends 2 'is no URL that PostgreSQL' "${WRONG[@]}"
ends 1 'refuses user app: password' "$BIN/flyball-api" "$TASKS" --data "$WORK" --port 0 --database "$(url tasks hunter3)"

scenario "flyballctl up --database: two pods, CRUD, an administrator"
up "$TASKS" --database "$(url tasks)" --replicas 2:2
ANN=$(register ann@example.org)
TOKEN=$ANN
call POST /api/v1/tasks '{"title":"Write the README","priority":"high"}'
same 201 "$STATUS" "create"
ID=$(json .id)
call PATCH "/api/v1/tasks/$ID" '{"status":"completed"}'
same 200 "$STATUS" "update"
call GET '/api/v1/tasks?status=completed&sort=-createdAt&fields=id,title&total=true'
same "$ID" "$(json '.data[0].id')" "list"
same 1 "$(json .page.total)" "total"
PASSWORD=$(FLYBALL_DATABASE=$(url tasks) "$BIN/flyballctl" users create --data "$DATA" --role admin --email root@example.org --name Root -o json | jq -r .password)
TOKEN=''
call POST /api/v1/auth/login "{\"email\":\"root@example.org\",\"password\":\"$PASSWORD\"}"
same 200 "$STATUS" "login of the administrator"
same completed "$(sql "select status from tasks.tasks where id='$ID'" tasks)" "the row in PostgreSQL"
[ ! -e "$DATA/tasks.db" ] || fail "an SQLite file was made"

scenario "the password is in no log and on no command line of a pod"
for pid in $(status_json | jq -r '.pods[].pid'); do
  tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$SECRET" && fail "on the command line of pod $pid"
done
grep -rqF "$SECRET" "$WORK/up.log" "$DATA/logs" && fail "in a log"
has "$(cat "$WORK/up.log")" "database +127.0.0.1:$PG_PORT/tasks" "up says where the data are"
down
same 0 "$DOWN_STATUS" "exit status"

scenario "in a cluster a pod without a key says so, and a wrong one is refused"
IN_CLUSTER=(env KUBERNETES_SERVICE_HOST=10.96.0.1 "FLYBALL_DATABASE=$(url machines)")
ends 1 'in a cluster all pods must share one.*FLYBALL_JWT_KEY' "${IN_CLUSTER[@]}" "$BIN/flyball-api" "$TASKS" --data "$WORK/none" --port 0
ends 1 'FLYBALL_JWT_KEY: a signing key has 32 to 512 bytes' "${IN_CLUSTER[@]}" FLYBALL_JWT_KEY=short "$BIN/flyball-api" "$TASKS" --data "$WORK/none" --port 0
[ ! -e "$WORK/none/signing.key" ] || fail "a key was made"

scenario "a pod waits for its database"
KEY=$(openssl rand -hex 32)
A=$(free_port) B=$(free_port)
COMMON=(KUBERNETES_SERVICE_HOST=10.96.0.1 "FLYBALL_DATABASE=$(url machines)" "FLYBALL_JWT_KEY=$KEY")
kill_pg
pod a "$A" "${COMMON[@]}"
waits() { grep -q 'waiting for the database' "$WORK/a.log"; }
eventually 60 waits || fail "no word of waiting: $(cat "$WORK/a.log")"
start_pg
pod b "$B" "${COMMON[@]}"
eventually 60 ready "$A" || fail "pod a: $(cat "$WORK/a.log")"
eventually 60 ready "$B" || fail "pod b: $(cat "$WORK/b.log")"
grep -qF "$SECRET" "$WORK/a.log" && fail "the password is in the log"
tr '\0' '\n' <"/proc/${PODS[0]}/environ" | grep -qF "$KEY" && fail "the key can be read from /proc"

scenario "two pods with nothing in common but the database and the key"
API=http://127.0.0.1:$A
TOKEN=$(register ben@example.org)
on "$A" POST /api/v1/tasks '{"title":"of pod a"}'
same 201 "$STATUS" "create on a"
ID=$(json .id)
on "$B" GET "/api/v1/tasks/$ID"
same 200 "$STATUS" "read on b, with the token of a"
on "$B" PATCH "/api/v1/tasks/$ID" '{"status":"completed"}' -H 'If-Match: "1"'
same 200 "$STATUS" "update on b"
on "$A" PATCH "/api/v1/tasks/$ID" '{"status":"pending"}' -H 'If-Match: "1"'
same 412 "$STATUS" "a sees that b was first"
OF_BEN=$TOKEN TOKEN=''
on "$B" POST /api/v1/auth/register '{"email":"ben@example.org","name":"Ben","password":"correct horse battery"}'
same 409 "$STATUS" "unique over both"
TOKEN=$OF_BEN

scenario "the database goes away and comes back"
kill_pg
for port in "$A" "$B"; do
  on "$port" GET "/api/v1/tasks/$ID"
  same 503 "$STATUS" "read without a database"
  has "$(header retry-after)" '^[0-9]+$' "Retry-After"
  on "$port" POST /api/v1/tasks '{"title":"nowhere"}'
  same 503 "$STATUS" "write without a database: nothing was written"
  has "$(header retry-after)" '^[0-9]+$' "Retry-After"
  ready "$port" || fail "a pod that answers must stay Ready"
done
start_pg
for port in "$A" "$B"; do
  eventually 60 answers "$port" "/api/v1/tasks/$ID" 200 || fail "reads do not recover: $STATUS $BODY"
  on "$port" POST /api/v1/tasks '{"title":"after the restart"}'
  same 201 "$STATUS" "write after the restart"
done
on "$A" GET '/api/v1/tasks?total=true'
same 3 "$(json .page.total)" "what was refused was not written"

scenario "SIGTERM ends both with status 0"
kill -TERM "${PODS[@]}"
for pid in "${PODS[@]}"; do wait "$pid" || fail "pod $pid ended with $?"; done
kill_pg
passed
