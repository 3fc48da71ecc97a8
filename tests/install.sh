#!/bin/sh
# Installs the named programs with whatever package manager the machine has.
set -eu
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
echo "installing: $*"
if command -v apt-get >/dev/null 2>&1; then
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"
elif command -v dnf >/dev/null 2>&1; then as_root dnf install -y -q "$@"
elif command -v apk >/dev/null 2>&1; then as_root apk add -q "$@"
elif command -v pacman >/dev/null 2>&1; then as_root pacman -S --noconfirm "$@"
elif command -v zypper >/dev/null 2>&1; then as_root zypper -q install -y "$@"
elif command -v brew >/dev/null 2>&1; then brew install -q "$@"
else echo "no package manager found: please install $* by hand" >&2; exit 1
fi
