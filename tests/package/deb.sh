#!/bin/bash
# Makes the Debian package of a build, unpacks it and runs the program from there. With a third word, the address of a Debian mirror, it also
# installs the package in a bare Debian 12 below a folder of its own (needs root and debootstrap), uses it and removes it again.
# usage: deb.sh BUILD_FOLDER [MIRROR]
set -euo pipefail
build=$1 mirror=${2:-}
command -v dpkg-deb >/dev/null && command -v dpkg-shlibdeps >/dev/null || { echo "skipped: no dpkg-deb and dpkg-shlibdeps"; exit 77; }
top=$(mktemp -d)
trap 'rm -rf --one-file-system "$top"' EXIT
fail() { echo "$*"; exit 1; }

(cd "$top" && cpack --config "$build/CPackConfig.cmake" -G DEB >log 2>&1) || { cat "$top/log"; exit 1; }
package=$(echo "$top"/yolua_*.deb)
for needed in libopenblas0-openmp liblua5.4-0 libyaml-0-2 libspng0; do
  dpkg-deb -f "$package" Depends | grep -qw "$needed" || fail "the package does not depend on $needed"
done
mkdir "$top/unpacked"
dpkg-deb -x "$package" "$top/unpacked"
cd "$top" # nothing of the sources may be found from here
[ "$("$top/unpacked/usr/bin/yolua" -e 'print(yl.ones { 2, 3 }:sum())')" = 6.0 ] || fail "the unpacked program does not run"

[ -n "$mirror" ] || exit 0
bare=$top/bare
debootstrap --variant=minbase bookworm "$bare" "$mirror" >"$top/log" 2>&1 || { tail "$top/log"; exit 1; }
inside() { chroot "$bare" env DEBIAN_FRONTEND=noninteractive HOME=/root "$@"; }
files() { inside find / -xdev \( -path /proc -o -path /var -o -path /srv -o -path /root \) -prune -o -print | LC_ALL=C sort; }
inside apt-get update >"$top/log"
inside apt-get install -y lua5.4 >"$top/log"
cp "$package" "$bare/srv/yolua.deb"
inside apt-get install -y /srv/yolua.deb >"$top/log" 2>&1 || { tail "$top/log"; exit 1; }
[ "$(inside yolua -e 'print(yl.ones { 2, 3 }:sum())')" = 6.0 ] || fail "the installed program does not run"
[ "$(inside lua5.4 -e 'print(require("yolua").ones { 2, 3 }:sum())')" = 6.0 ] || fail "a stock Lua does not find the module"
inside sh -c 'cd /srv && yolua /usr/share/yolua/recipes/coco_ft.lua epochs=1 data.limit=8 2>&1' >"$top/log" || { tail "$top/log"; exit 1; }
[ -s "$bare/srv/runs/coco_ft/report.html" ] || fail "the recipe left no report"
inside apt-get purge -y yolua >"$top/log" 2>&1
! files | grep -m 5 /yolua || fail "these files stayed behind"
inside sh -c '! command -v yolua' || fail "the program stayed behind"
echo "installed, used and removed in a bare Debian"
