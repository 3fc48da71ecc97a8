#!/bin/sh
# The figures of the README: time and instructions of encoding and decoding, what policy costs, then
# all of it beside other gateways, and the whole path beside nginx and a plain relay. Options go to
# the whole path; --quick makes all of it short.
set -eu
cd "$(dirname "$0")/.."

quick=
case " $* " in
*" --help "*) exec cargo bench --quiet --bench side_by_side -- --help ;;
*" --quick "*) quick=--quick ;;
esac

echo "## Encoding and decoding"
echo
cargo bench --quiet --bench codec -- $quick
echo

echo "## Instructions"
echo
if command -v valgrind >/dev/null 2>&1; then
  # cargo says where the binary is; it is run by itself so that valgrind does not watch cargo.
  codec=$(cargo bench --quiet --bench codec --no-run --message-format=json |
    sed -n 's/.*"executable":"\([^"]*\/codec-[^"]*\)".*/\1/p' | tail -n 1)
  out=$(mktemp -d)
  trap 'rm -rf "$out"' EXIT
  echo "| codec | instructions |"
  echo "| --- | ---: |"
  "$codec" --bench --names 2>/dev/null | while read -r name; do
    # Only what happens inside `counted` is counted; it is called 100 times.
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" --collect-atstart=no \
      --toggle-collect='codec::measure::counted*' "$codec" --bench --callgrind-one "$name" \
      >"$out/said" 2>"$out/log" || { cat "$out/log" >&2; exit 1; }
    times=$(sed -n 's/ times$//p' "$out/said")
    total=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$out/log")
    echo "| $name | $((total / times)) |"
  done
else
  echo "valgrind is not installed: instructions are not counted"
fi
echo

echo "## Policy: all of it together, tokens"
echo
cargo bench --quiet --bench policy -- $quick
echo
echo "## Policy: keys, and whether comparing them tells anything"
echo
cargo bench --quiet --bench keys -- $quick
echo
echo "## Policy: access"
echo
cargo bench --quiet --bench access -- $quick
echo
echo "## Policy: limits, here and in Redis"
echo
./tests/with_servers.sh cargo bench --quiet --bench limits -- $quick
echo

echo "## Policy: personal data and secrets; beside others with benches/pii/peers.sh"
echo
cargo bench --quiet --bench pii -- $quick
cargo bench --quiet --bench pii -- --held
echo

echo "## Durable records"
echo
cargo bench --quiet --bench audit
echo

echo "## All policy on, beside others"
echo
# What it installs of them, it installs once.
./benches/governed/run.sh $quick
echo

echo "## The whole path"
echo
cargo bench --quiet --bench side_by_side -- "$@"
