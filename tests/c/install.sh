#!/bin/bash
# Installs the build into a folder of its own and uses it from there: the program, the plain module, C and C++ through pkg-config,
# and CMake.
# usage: install.sh BUILD_FOLDER SOURCE_FOLDER CC CXX
set -euo pipefail
build=$1 source=$2 cc=$3 cxx=$4
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
prefix=$top/prefix

cmake --install "$build" --prefix "$prefix" >"$top/log" || { cat "$top/log"; exit 1; }
mv "$prefix" "$top/moved" && prefix=$top/moved # nothing installed may remember where it was put first
for file in include/yolua/yolua.h include/yolua/core/status.h share/yolua/lua/yolua/init.lua share/yolua/datasets/kitti.lua \
  share/yolua/recipes/coco_ft.lua; do
  [ -f "$prefix/$file" ] || { echo "$file was not installed"; exit 1; }
done
! find "$prefix/include" -path '*bind*' | grep . || { echo "headers of bind/ were installed"; exit 1; }

expect() { [ "$1" = "$2" ] || { echo "expected '$2', got '$1'"; exit 1; }; }
expect "$("$prefix/bin/yolua" -e 'print(require("yolua.core").version)')" "$("$build/yolua" -e 'print(require("yolua.core").version)')"
expect "$(YOLUA_PATH="$prefix/share/yolua" "$prefix/bin/yolua" -e 'print(type(require "yolua.options.table"))')" table
for name in core options yolua; do
  cmp "$build/lua/annotations/$name.lua" "$prefix/share/yolua/annotations/$name.lua"
done
if command -v lua5.4 >/dev/null; then
  expect "$(LUA_PATH="$prefix/share/lua/5.4/?/init.lua" LUA_CPATH="$prefix/lib/lua/5.4/?.so" \
    lua5.4 -e 'print(require("yolua").ones { 2, 3 }:sum())')" 6.0
fi
version=$("$prefix/bin/yolua" -e 'io.write(require("yolua.core").version)')
said="yolua $version: 8 x 8 x 4"

PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name yolua.pc)")
export PKG_CONFIG_PATH
libraries=$(dirname "$PKG_CONFIG_PATH")
read -ra shared <<<"$(pkg-config --cflags --libs yolua)"
read -ra static <<<"$(pkg-config --cflags --static --libs yolua | sed "s|-lyolua|$libraries/libyolua.a|")"
"$cc" -std=c11 -Wall -Wextra -Werror "$source/client.c" "${shared[@]}" -Wl,-rpath,"$libraries" -o "$top/c"
"$cxx" -x c++ -Wall -Wextra -Werror "$source/client.c" -x none "${shared[@]}" -Wl,-rpath,"$libraries" -o "$top/cpp"
"$cc" "$source/client.c" "${static[@]}" -o "$top/static"
expect "$("$top/c")" "$said"
expect "$("$top/cpp")" "$said"
expect "$("$top/static")" "$said"
! ldd "$top/static" | grep libyolua || { echo "the static client needs the shared library"; exit 1; }

# A detector without Lua: a checkpoint and a picture give what the program finds; so does a network that was compiled in.
lua() { "$prefix/bin/yolua" -e "$1"; }
lua "local yl = require 'yolua'; yl.data { name = 'synthetic', frames = 4, root = '$top/streets' }" 2>"$top/log" || { cat "$top/log"; exit 1; }
lua "require('yolua').load { model = 'street' }:save '$top/street.safetensors'"
picture=$(find "$top/streets" -name '*.png' -o -name '*.jpg' | sort | head -n 1)
lua "for _, d in ipairs(require('yolua').load({ model = 'street' }):detect('$picture', { conf = .05 })) do
  print(('%s %.4f %.2f %.2f %.2f %.2f'):format(d.class, d.score, table.unpack(d.box))) end" >"$top/expected"
[ -s "$top/expected" ] || { echo "nothing was found in $picture"; exit 1; }
"$cc" -std=c11 -Wall -Wextra -Werror "$source/detect.c" "${shared[@]}" -Wl,-rpath,"$libraries" -o "$top/detect"
"$top/detect" "$top/street.safetensors" "$picture" .05 >"$top/found"
diff "$top/expected" "$top/found" || { echo "detect.c finds other objects than the program"; exit 1; }
"$prefix/bin/yolua" export model=street out="$top/street.h" >/dev/null
"$cc" -std=c11 -Wall -Wextra -Werror -I"$top" "$source/embedded.c" "${shared[@]}" -Wl,-rpath,"$libraries" -o "$top/embedded"
"$top/embedded" "$picture" >"$top/found"
diff "$top/expected" "$top/found" || { echo "the network that was compiled in finds other objects"; exit 1; }
! ldd "$top/detect" | grep -i lua5 || { echo "detect.c needs Lua"; exit 1; }
said_of() { "$top/detect" "$@" 2>&1 && echo "nothing was refused"; true; }
said_of "$top/absent.safetensors" "$picture" | grep -q "absent.safetensors" || { echo "a missing file is not named"; exit 1; }

cmake -S "$source" -B "$top/client" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" >"$top/log" 2>&1 &&
  cmake --build "$top/client" >>"$top/log" 2>&1 || { cat "$top/log"; exit 1; }
expect "$("$top/client/client_c")" "$said"
expect "$("$top/client/client_cpp")" "$said"
echo "installed, moved and used"
