#!/usr/bin/env bash
# Asks agents from a real n8n, through the gateway, as README.md in this folder shows it to users.
#
#   tests/n8n/check.sh
#       starts the simulated platforms and target/debug/switchyard (or release, or $SWITCHYARD)
#   GATEWAY_URL=… KEY=… AGENT_SLOW=… AGENT_FAST=… tests/n8n/check.sh
#       asks a gateway that runs; the hook of AGENT_SLOW must answer 202 before the agent is done
#
# n8n is installed once, under target/n8n; that takes some minutes and about 3 GB.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
home=$root/target/n8n
run=$home/run
# The releases that this was last seen to pass with. n8n asks for this Node or a newer one.
n8n_version=${N8N_VERSION:-2.40.7}
node_version=${NODE_VERSION:-24}
# How many seconds one execution may take. Only a check that fails waits for so long.
patience=${PATIENCE:-120}

pids=()
stop() {
  # What was started last is stopped first, so that nobody talks to one who has left.
  for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
    kill "${pids[i]}" 2>/dev/null || true
    wait "${pids[i]}" 2>/dev/null || true
  done
}
trap stop EXIT
trap 'exit 130' INT TERM

failed=0
good() { echo "ok      $1"; }
bad() { echo "not ok  $1"; failed=$((failed + 1)); }
# same <what> <expected> <found>
same() { if [ "$2" = "$3" ]; then good "$1"; else bad "$1: expected '$2', found '$3'"; fi; }
give_up() {
  echo "$1" >&2
  echo FAILED
  exit 1
}
# until_ready <who> <pid> <log> <command…>: n8n takes half a minute on a busy machine.
until_ready() {
  local who=$1 pid=$2 log=$3 end=$((SECONDS + 180))
  shift 3
  until "$@" >/dev/null 2>&1; do
    if ! kill -0 "$pid" 2>/dev/null || [ $SECONDS -gt $end ]; then
      tail -n 30 "$log" >&2
      give_up "$who did not start"
    fi
    sleep 0.2
  done
}

# ── Node and n8n ─────────────────────────────────────────────────────────────────────────────────

# Chained, since a function that is tested for its end does not stop at a command that fails.
install() {
  local quiet=(--no-audit --no-fund --no-progress --loglevel=error)
  mkdir -p "$home/node" "$home/n8n" &&
    # Packages of their own, or npm would install into one further up.
    echo '{"private":true}' | tee "$home/node/package.json" >"$home/n8n/package.json" &&
    npm install --prefix "$home/node" "${quiet[@]}" "node@$node_version" &&
    export PATH="$home/node/node_modules/.bin:$PATH" &&
    # Without the packages' own scripts: those of clients for services that are not asked here build
    # for minutes, or fail. The database's is the one that is needed.
    npm install --prefix "$home/n8n" "${quiet[@]}" --ignore-scripts "n8n@$n8n_version" &&
    npm rebuild --prefix "$home/n8n" "${quiet[@]}" sqlite3 &&
    echo "$n8n_version $node_version" >"$home/installed"
}
mkdir -p "$home"
command -v npm >/dev/null || give_up "npm is needed"
if [ "$(cat "$home/installed" 2>/dev/null)" != "$n8n_version $node_version" ]; then
  echo "installing n8n $n8n_version into target/n8n"
  install >"$home/install.log" 2>&1 || { tail -n 30 "$home/install.log" >&2; give_up "n8n could not be installed"; }
fi
export PATH="$home/node/node_modules/.bin:$home/n8n/node_modules/.bin:$PATH"

rm -rf "$run"
mkdir -p "$run/workflows"
chmod 700 "$run"
echo "n8n $(node -p 'require(process.argv[1]).version' "$home/n8n/node_modules/n8n/package.json") on Node $(node --version)"

# Ports that are free now. Asked for together, so that they differ.
read -r n8n_port broker_port api_port admin_port platforms_port < <(node -e '
  const servers = Array.from({ length: 5 }, () => require("net").createServer().listen(0, "127.0.0.1"));
  setTimeout(() => { console.log(servers.map((s) => s.address().port).join(" ")); process.exit(); }, 100)')

# ── The gateway ──────────────────────────────────────────────────────────────────────────────────

if [ -z "${GATEWAY_URL:-}" ]; then
  if [ -z "${SWITCHYARD:-}" ]; then
    SWITCHYARD=$root/target/debug/switchyard
    [ -x "$SWITCHYARD" ] || SWITCHYARD=$root/target/release/switchyard
  fi
  [ -x "$SWITCHYARD" ] || give_up "no gateway: cargo build, or set GATEWAY_URL, KEY, AGENT_SLOW, AGENT_FAST"
  GATEWAY_URL=http://127.0.0.1:$api_port
  KEY=$(node -p 'require("crypto").randomBytes(24).toString("hex")')
  AGENT_SLOW=slow
  AGENT_FAST=fast
  pretend=yes
  # `drip` sends 20 ms a byte, so a run takes about 8 s, and its hook answers after one.
  cat >"$run/switchyard.yaml" <<CONFIG
listen: { api: "127.0.0.1:$api_port", admin: "127.0.0.1:$admin_port", drain: 1s }
store: { url: "sqlite://$run/switchyard.db" }
identity:
  keys:
    - name: n8n
      workspace: acme
      hash: "sha256:$(printf %s "$KEY" | sha256sum | cut -d ' ' -f 1)"
      scopes: [runs:write, runs:read, agents:read]
log: { json: false, filter: info }
upstreams:
  acp:
    kind: acp
    base_url: "http://127.0.0.1:$platforms_port/acp"
    workspace: acme
    credential: "\${env:PLATFORM_KEY}"
agents:
  slow: { upstream: acp, id: drip }
  fast: { upstream: acp, id: ok }
hooks:
  slow: { reply_within: 1s }
# n8n listens on loopback, without TLS.
callbacks: { allow_http: true, allow_networks: [127.0.0.0/8] }
${GATEWAY_CONFIG:-}
CONFIG
  "$SWITCHYARD" simulate --listen "127.0.0.1:$platforms_port" >"$run/platforms.log" 2>&1 &
  pids+=($!)
  PLATFORM_KEY=gsk_acme_1 "$SWITCHYARD" serve --config "$run/switchyard.yaml" >"$run/switchyard.log" 2>&1 &
  pids+=($!)
  until_ready "the gateway" $! "$run/switchyard.log" curl -sf "http://127.0.0.1:$admin_port/readyz"
fi
: "${KEY:?}" "${AGENT_SLOW:?}" "${AGENT_FAST:?}"

node "$here/lossy.mjs" "$GATEWAY_URL" >"$run/tries" 2>"$run/lossy.log" &
pids+=($!)
until_ready "the lossy line" $! "$run/lossy.log" test -s "$run/tries"
lossy=http://127.0.0.1:$(head -n 1 "$run/tries")

# ── n8n ──────────────────────────────────────────────────────────────────────────────────────────

export N8N_USER_FOLDER=$run N8N_LISTEN_ADDRESS=127.0.0.1 N8N_HOST=127.0.0.1 N8N_PORT=$n8n_port
# Of this the address is made at which the execution is called back; newer releases call it by the
# second name.
export WEBHOOK_URL=http://127.0.0.1:$n8n_port/ N8N_WEBHOOK_URL=http://127.0.0.1:$n8n_port/
# What runs code has a port of its own, which another n8n on this machine may have taken.
export N8N_RUNNERS_BROKER_PORT=$broker_port
# It talks to nobody but the gateway.
export N8N_DIAGNOSTICS_ENABLED=false N8N_VERSION_NOTIFICATIONS_ENABLED=false N8N_TEMPLATES_ENABLED=false
export N8N_PERSONALIZATION_ENABLED=false N8N_COMMUNITY_PACKAGES_ENABLED=false N8N_LICENSE_AUTO_RENEW_ENABLED=false
export N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=true DB_TYPE=sqlite

# place <file> <name> <gateway> <agent>: a workflow of this folder, for this gateway and agent. Its id
# is new in each check, because it is in the idempotency keys, and a gateway keeps those.
check=$(node -p 'require("crypto").randomBytes(5).toString("hex")')
place() { node "$here/place.mjs" "$here/workflows/$1.json" "$2$check" "$3" "$4" >"$run/workflows/$2.json"; }
place ask slow "$GATEWAY_URL" "$AGENT_SLOW"
place ask fast "$GATEWAY_URL" "$AGENT_FAST"
place retry retry "$lossy" "$AGENT_SLOW"
place early early "$GATEWAY_URL" "$AGENT_FAST"

cat >"$run/credentials.json" <<CREDENTIALS
[{ "id": "switchyardKey", "name": "Switchyard key", "type": "httpHeaderAuth",
   "data": { "name": "X-API-Key", "value": "$KEY" } }]
CREDENTIALS
n8n_cli() { n8n "$@" >>"$run/cli.log" 2>&1 || { tail -n 30 "$run/cli.log" >&2; give_up "n8n $1 failed"; }; }
n8n_cli import:credentials --input="$run/credentials.json"
n8n_cli import:workflow --separate --input="$run/workflows"
# Imported workflows are off, and are turned on before n8n starts, which reads that once.
for name in slow fast retry early; do n8n_cli publish:workflow --id="$name$check"; done

n8n start >"$run/n8n.log" 2>&1 &
pids+=($!)
until_ready n8n $! "$run/n8n.log" curl -sf "http://127.0.0.1:$n8n_port/healthz/readiness"

# ── The questions ────────────────────────────────────────────────────────────────────────────────

# question <name>: what is asked; long enough that the slow platform is at it for some seconds.
question() { echo "What is open for $1$check, and who of the team looks after it this week?"; }
# ask <name>: n8n answers 404 for some moments after it is ready, until its workflows are on.
ask() {
  local end=$((SECONDS + patience))
  until curl -sf -o /dev/null "http://127.0.0.1:$n8n_port/webhook/$1$check" \
    -H 'content-type: application/json' -d "{\"question\": \"$(question "$1")\"}"; do
    [ $SECONDS -le $end ] || give_up "n8n does not take the question of $1"
    sleep 0.3
  done
}
# execution <name> <status,status>: the execution, as soon as it has one of these.
execution() {
  node --no-warnings "$here/execution.mjs" "$home/n8n" "$run/.n8n/database.sqlite" "$1$check" "$2" "$patience" \
    2>>"$run/execution.log" || { tail -n 1 "$run/execution.log" >&2; echo '{"nodes":{}}'; }
}
# at <json> <expression on it>: a value in it, or nothing.
at() { node -p "const it = $1; (() => { try { return $2 ?? '' } catch { return '' } })()"; }
# ended <json>: how an execution ended, and why if n8n says so.
ended() { at "$1" '[it.status, it.error].filter(Boolean).join(": ")'; }
# says <json> <name>: whether the agent's answer is one to the question. The pretend agents repeat it.
says() {
  local output
  output=$(at "$1" 'it.nodes["Answer"].output')
  case ${pretend:-no}$output in
  no) bad "$2: ended without the agent's output" ;;
  no*) good "$2: ended with the agent's output" ;;
  yes*) same "$2: ended with the agent's output" "You said: $(question "$2")" "$output" ;;
  esac
}
# runs <agent> <execution>: how many runs the gateway has of what this execution asked.
runs() {
  curl -sf "$GATEWAY_URL/v1/runs?agent=$1&limit=100" -H "x-api-key: $KEY" >"$run/runs.json" || echo '{"data":[]}' >"$run/runs.json"
  node -p 'JSON.parse(require("fs").readFileSync(process.argv[1])).data.filter((r) => r.metadata.n8n === process.argv[2]).length' \
    "$run/runs.json" "$2"
}

# A slow agent: the hook answers 202, n8n waits, the callback wakes it up.
ask slow
seen=$(execution slow waiting,success,error,crashed)
same "slow: n8n waits for the callback" waiting "$(at "$seen" it.status)"
same "slow: the hook answered with a run at work" running "$(at "$seen" 'it.nodes["Ask the agent"].status')"
asked=$(at "$seen" 'it.nodes["Ask the agent"].id')
seen=$(execution slow success,error,crashed)
same "slow: the execution ended well" success "$(ended "$seen")"
same "slow: the callback woke it up" run.completed "$(at "$seen" 'it.nodes["Answer"].event')"
same "slow: the callback was of the run that was asked for" "${asked:-a run}" "$(at "$seen" 'it.nodes["Answer"].run')"
says "$seen" slow

# A quick agent: the same nodes, and the answer is there at once.
ask fast
seen=$(execution fast waiting,success,error,crashed)
same "fast: the execution ended without a wait" success "$(ended "$seen")"
same "fast: the hook answered with the ended run" completed "$(at "$seen" 'it.nodes["Ask the agent"].status')"
same "fast: no callback was needed" none "$(at "$seen" 'it.nodes["Answer"].event')"
says "$seen" fast

# A bad line and a node that tries again: each try has the same idempotency key.
ask retry
seen=$(execution retry success,error,crashed)
same "retry: the execution ended well" success "$(ended "$seen")"
says "$seen" retry
tries=$(tail -n +2 "$run/tries" | node -p '
  const tries = require("fs").readFileSync(0, "utf8").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  JSON.stringify({ fates: tries.map((t) => t.fate).join(), keys: new Set(tries.map((t) => t.key)).size, last: tries.at(-1) })')
same "retry: one request was cut, one answer lost, the third came through" cut,lost,passed "$(at "$tries" it.fates)"
same "retry: all had one key" 1 "$(at "$tries" it.keys)"
same "retry: the last answer was a replay" true "$(at "$tries" it.last.replayed)"
same "retry: the agent ran once" 1 "$(runs "$AGENT_SLOW" "retry$check-$(at "$seen" it.id)")"

# A callback that comes while n8n is still busy is refused by it with 409, and must come again.
ask early
seen=$(execution early success,error,crashed)
same "early: the execution ended well" success "$(ended "$seen")"
same "early: the callback came again when n8n was ready for it" run.completed "$(at "$seen" 'it.nodes["Answer"].event')"
says "$seen" early

if [ $failed = 0 ]; then echo OK; else
  echo "logs are in ${run#"$root"/}" >&2
  echo FAILED
  exit 1
fi
