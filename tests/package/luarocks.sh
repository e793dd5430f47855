#!/bin/bash
# Builds the module by LuaRocks into a tree of its own, and uses it from a stock Lua. It compiles everything, so it is no part of the suite.
# usage: luarocks.sh SOURCE_FOLDER
set -euo pipefail
source=$1
command -v luarocks >/dev/null && command -v lua5.4 >/dev/null || { echo "skipped: no luarocks and lua5.4"; exit 77; }
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
mkdir "$top/source"
git -C "$source" archive HEAD | tar x -C "$top/source"
cd "$top/source"
luarocks --lua-version 5.4 --tree "$top/tree" make lua/yolua-scm-1.rockspec YOLUA_CUDA=OFF >"$top/log" 2>&1 || { tail "$top/log"; exit 1; }
cd "$top" # nothing of the sources may be found from here
eval "$(luarocks --lua-version 5.4 --tree "$top/tree" path)"
said=$(lua5.4 -e 'print(require("yolua").ones { 2, 3 }:sum())')
[ "$said" = 6.0 ] || { echo "expected 6.0, got '$said'"; exit 1; }
luarocks --lua-version 5.4 --tree "$top/tree" remove yolua >"$top/log" 2>&1 || { tail "$top/log"; exit 1; }
! find "$top/tree" -path '*lua/5.4/yolua*' -type f | grep . || { echo "these files stayed behind"; exit 1; }
echo "built by LuaRocks, used from Lua 5.4 and removed"
