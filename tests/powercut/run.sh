#!/bin/sh
# Cuts the power, again and again, while the gateway is under load, and looks at what is on the
# disk. The gateway's store is on ext4 on a loop device, whose file lies on XFS. XFS shares blocks
# between files: `cp --reflink` takes an image of the whole disk at one moment, without what is
# still in memory only, as a power cut would leave it. The image is mounted, ext4 replays its
# journal, and a gateway of its own is started on the store in it, where every run must be of which
# a caller had been told before the image was begun.
#
#   CUTS=50 SEED=7 tests/powercut/run.sh [path of the program]
#
# CUTS is how many; SEED decides moments and requests; DURABILITY is `strict` or `overlap`, or both
# in turn where it is left out. Needs root, loop devices, mkfs.xfs, mkfs.ext4 and Python 3; ends
# with 0 and a sentence where one is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-${CARGO_TARGET_DIR:-$here/../../target}/debug/switchyard}

skip() { echo "power cuts were not tried: $*"; exit 0; }
[ "$(id -u)" = 0 ] || skip "only root may mount"
for tool in losetup mkfs.xfs mkfs.ext4 python3; do
  command -v "$tool" >/dev/null 2>&1 || skip "$tool is missing"
done
[ -x "$program" ] || skip "there is no program at $program; build it first"

folder=$(mktemp -d)
end() {
  for at in cut live outer; do umount -l "$folder/$at" 2>/dev/null || true; done
  for file in "$folder"/outer/*.img "$folder/outer.img"; do
    [ ! -e "$file" ] || losetup -j "$file" | cut -d: -f1 | xargs -r losetup -d 2>/dev/null || true
  done
  rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

mkdir "$folder/outer" "$folder/live" "$folder/cut"
truncate -s 3G "$folder/outer.img"
mkfs.xfs -q -m reflink=1 "$folder/outer.img" || skip "mkfs.xfs makes no reflink file system"
mount -o loop "$folder/outer.img" "$folder/outer" 2>/dev/null || skip "a loop device cannot be mounted"
truncate -s 512M "$folder/outer/disk.img"
mkfs.ext4 -q "$folder/outer/disk.img"
mount -o loop "$folder/outer/disk.img" "$folder/live"

PYTHONDONTWRITEBYTECODE=1 python3 "$here/cut.py" "$program" "$folder"
