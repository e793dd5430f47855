-- For LuaRocks: `luarocks make lua/yolua-scm-1.rockspec` in the top folder of the sources builds the module for a stock Lua 5.4. The packages
-- that README.md lists are needed before.
rockspec_format = "3.0"
package, version = "yolua", "scm-1"
source = { url = "file://." } -- as it lies there: `make` fetches nothing
description = { summary = "A Lua-scriptable deep-learning runtime", license = "MIT" }
dependencies = { "lua >= 5.4, < 5.6" }
build = {
  type = "cmake",
  variables = {
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    YOLUA_LUA_LIBDIR = "$(LIBDIR)",
    YOLUA_LUA_DATADIR = "$(LUADIR)",
    YOLUA_TESTS = "OFF",
    YOLUA_CUDA = "$(YOLUA_CUDA)",
  },
}
