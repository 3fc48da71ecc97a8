#!/bin/sh
# The platforms' own SDKs through the reverse proxy at $1 (host:port), with the key in
# $SWITCHYARD_KEY: another base URL, and nothing else. Installed once, under target/ or $SDKS_DIR.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
folder=${SDKS_DIR:-$here/../../target/sdks}
mkdir -p "$folder"

python3 -c 'import ensurepip' 2>/dev/null || "$here/../install.sh" python3 python3-venv
command -v npm >/dev/null 2>&1 || "$here/../install.sh" nodejs npm

# The versions are fixed: what a test says should not change by itself.
[ -e "$folder/agentbase-0.5.0" ] || {
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check agentbase-sdk==0.5.0
  touch "$folder/agentbase-0.5.0"
}
[ -e "$folder/makehq-1.6.10" ] || {
  echo '{"private":true}' >"$folder/package.json"
  # The SDK needs a newer Node than some distributions have.
  node -e 'process.exit(+process.versions.node.split(".")[0] < 20)' 2>/dev/null || newer=node@22
  npm install --prefix "$folder" --silent --no-audit --no-fund @makehq/sdk@1.6.10 ${newer:-}
  touch "$folder/makehq-1.6.10"
}
PATH=$folder/node_modules/.bin:$PATH

"$folder/venv/bin/python" "$here/run.py" "$1"
# Modules are looked for from where a script is, not from where it is run.
cp "$here/me.mjs" "$folder/me.mjs"
node "$folder/me.mjs" "$1"
