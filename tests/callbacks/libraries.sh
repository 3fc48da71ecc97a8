#!/bin/sh
# Gives signed callbacks to the reference libraries of Standard Webhooks, those of PyPI and of npm.
# Reads one JSON object a line, {"secret", "headers", "body"}: each has to be accepted, and each
# damaged copy of it refused. The libraries are installed once, under target/ or $CALLBACKS_DIR.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
folder=${CALLBACKS_DIR:-$here/../../target/callbacks}
mkdir -p "$folder"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
trap 'exit 130' INT TERM
cat >"$lines"

python3 -c 'import ensurepip' 2>/dev/null || "$here/../install.sh" python3 python3-venv
command -v npm >/dev/null 2>&1 || "$here/../install.sh" nodejs npm

# The versions are fixed: what a test says should not change by itself.
[ -e "$folder/python-1.1.0" ] || {
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
  touch "$folder/python-1.1.0"
}
[ -e "$folder/npm-1.1.1" ] || {
  echo '{"private":true}' >"$folder/package.json"
  npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts \
    standardwebhooks@1.1.1
  touch "$folder/npm-1.1.1"
}

"$folder/venv/bin/python" "$here/verify.py" <"$lines"
# Modules are looked for from where a script is, not from where it is run.
cp "$here/verify.mjs" "$folder/verify.mjs"
node "$folder/verify.mjs" <"$lines"
