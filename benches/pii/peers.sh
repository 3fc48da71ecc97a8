#!/bin/sh
# Our engine beside others, on one core and on the same texts, in pieces of 4096 bytes: Presidio
# (pattern recognizers, no model) and datafog-core. Ours treats what it finds and remembers over the
# borders of pieces; the others only find, in each piece by itself.
#
#   benches/pii/peers.sh [--quick] [--set FILE]
#
# --set scores what each engine finds in a labelled set (presidio-research's format) instead of
# measuring time; `--set own` is the set that the project generates, whose sentences were written
# beside our engine, so that it flatters ours. All that is built or installed is under
# target/pii-peers.
set -eu
from=$(pwd)
cd "$(dirname "$0")/../.."

quick='' set=''
while [ $# -gt 0 ]; do
  case $1 in
  --quick) quick=--quick ;;
  --set) set=${2:?a file} && shift ;;
  *) sed -n '2,/^set/s/^# \{0,1\}//p' benches/pii/peers.sh && exit 2 ;;
  esac
  shift
done

place=target/pii-peers
case $set in
'' | /*) ;;
own) set=$place/labelled.json ;;
*) set=$from/$set ;;
esac
mkdir -p "$place"

# What is built is built on all cores; only what is measured has one.
ours=$(cargo bench --quiet --bench pii --no-run --message-format=json |
  sed -n 's/.*"executable":"\([^"]*\/pii-[^"]*\)".*/\1/p' | tail -n 1)
cargo build --quiet --release --manifest-path benches/pii/peers/Cargo.toml --target-dir "$place/cargo"
datafog=$place/cargo/release/pii-peers
if [ ! -x "$place/venv/bin/python" ]; then python3 -m venv "$place/venv"; fi
"$place/venv/bin/pip" install --quiet --disable-pip-version-check presidio-analyzer==2.2.366
presidio() { on_one_core "$place/venv/bin/python" benches/pii/peers/presidio.py "$@"; }

core=$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')
on_one_core() { taskset -c "$core" "$@"; }

on_one_core "$ours" --bench --write "$place" $quick >"$place/ours"

if [ -n "$set" ]; then
  on_one_core "$datafog" find "$set" "$place/datafog.json"
  presidio find "$set" "$place/presidio.json"
  "$ours" --bench --accuracy "$set"
  for peer in presidio datafog; do
    echo
    "$ours" --bench --accuracy "$set" --findings "$place/$peer.json"
  done
  exit
fi

# Presidio needs minutes for what the others do in a moment, so it gets a prefix.
seconds=2 prefix=200000
[ -z "$quick" ] || { seconds=0.2 prefix=20000; }
version=$(git describe --always --dirty 2>/dev/null || echo unknown)
echo "version $version" >>"$place/ours"
for text in sparse dense; do
  on_one_core "$ours" --bench --text "$place/$text.txt" --only "$place/$text.txt" $quick |
    awk -F ' *[|] *' '$3 == 4096 { print "speed", $4 }' >>"$place/ours"
done
on_one_core "$datafog" speed "$seconds" "$place/sparse.txt" "$place/dense.txt" >"$place/datafog"
presidio speed "$prefix" "$place/sparse.txt" "$place/dense.txt" >"$place/presidio"

# Name, and what it said; the speeds of ours come first, for the ratio.
row() {
  awk -v name="$1" '
    $1 == "speed" && NR == FNR { ours[++known] = $2 }
    NR == FNR { next }
    $1 == "speed" { theirs[++count] = $2; next }
    { said[$1] = $2 }
    END {
      printf "| %s | %s | %s | %s | %s | %.3f / %.3f |\n", name, said["version"], said["kinds"],
        theirs[1], theirs[2], theirs[1] / ours[1], theirs[2] / ours[2]
    }' "$place/ours" "$2"
}
echo "| engine | version | kinds on | MB/s sparse | MB/s dense | ratio to ours |"
echo "| --- | --- | ---: | ---: | ---: | ---: |"
row ours "$place/ours"
row "Presidio, patterns" "$place/presidio"
row datafog-core "$place/datafog"
echo
echo "One core, pieces of 4096 bytes. Ours treats what it finds, the others find. Presidio has"
echo "the first $prefix bytes of each text."
