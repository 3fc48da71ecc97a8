#!/bin/sh
# Runs a command beside the servers that tests need: a Redis and a PostgreSQL of their own, on free
# ports, in a folder that is removed afterwards. What is missing is installed.
set -eu
here=$(dirname "$0")
folder=$(mktemp -d)

postgres_bin() {
  if command -v pg_ctl >/dev/null 2>&1; then dirname "$(command -v pg_ctl)"; return; fi
  # Debian keeps one folder a version and links none of them; the newest is as good as any.
  found=$(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$found" ] && [ -x "$found/pg_ctl" ] && echo "$found"
}

# What makes disks fail and clocks jump, what scrapes, and what looks at the status page. Where it
# cannot be had, those tests say so and skip.
for tool in strace faketime prometheus chromium chromedriver; do
  command -v "$tool" >/dev/null 2>&1 || "$here/install.sh" "$tool" >/dev/null 2>&1 || true
done
# Debian calls the browser's driver otherwise.
command -v chromedriver >/dev/null 2>&1 ||
  "$here/install.sh" chromium-driver >/dev/null 2>&1 || true

# What installs the libraries that callbacks are verified with.
python3 -c 'import ensurepip' >/dev/null 2>&1 ||
  "$here/install.sh" python3 python3-venv >/dev/null 2>&1 || true

command -v redis-server >/dev/null 2>&1 || "$here/install.sh" redis-server ||
  "$here/install.sh" redis
postgres_bin >/dev/null || "$here/install.sh" postgresql || "$here/install.sh" postgresql-server
bin=$(postgres_bin)

# PostgreSQL does not run as root.
as_nobody() {
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

stop() {
  [ -f "$folder/redis.pid" ] && kill "$(cat "$folder/redis.pid")" 2>/dev/null
  [ -d "$folder/postgres" ] && as_nobody "$bin/pg_ctl" -D "$folder/postgres" -m immediate stop >/dev/null 2>&1
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

redis_port=17379
until redis-server --port "$redis_port" --bind 127.0.0.1 --save '' --appendonly no --daemonize yes \
  --dir "$folder" --pidfile "$folder/redis.pid" --logfile "$folder/redis.log" >/dev/null 2>&1 &&
  sleep 0.3 && [ -f "$folder/redis.pid" ] && kill -0 "$(cat "$folder/redis.pid")" 2>/dev/null; do
  redis_port=$((redis_port + 1))
  [ "$redis_port" -lt 17399 ] || { cat "$folder/redis.log" >&2; exit 1; }
done

chmod 711 "$folder"
mkdir "$folder/postgres"
[ "$(id -u)" != 0 ] || chown postgres "$folder/postgres"
as_nobody "$bin/initdb" -D "$folder/postgres" -U switchyard -A trust -E UTF8 --no-sync >/dev/null
postgres_port=17432
# Nothing here outlives the tests, so nothing need reach the disk.
until as_nobody "$bin/pg_ctl" -D "$folder/postgres" -w -l "$folder/postgres/log" \
  -o "-p $postgres_port -c listen_addresses=127.0.0.1 -k $folder/postgres -c fsync=off" \
  start >/dev/null 2>&1; do
  postgres_port=$((postgres_port + 1))
  [ "$postgres_port" -lt 17452 ] || { cat "$folder/postgres/log" >&2; exit 1; }
done

# What tests leave behind goes with them, and none finds what an earlier run has left.
mkdir "$folder/tmp"
export TMPDIR="$folder/tmp"
export SWITCHYARD_TEST_REDIS="redis://127.0.0.1:$redis_port"
export SWITCHYARD_TEST_POSTGRES="postgres://switchyard@127.0.0.1:$postgres_port/postgres"
"$@"
