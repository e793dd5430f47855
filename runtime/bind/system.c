/* Files, time and the machine, as far as the Lua library needs them. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/threads.h"

#include <time.h>

static int system_read(lua_State *L)
{
    char *data;
    int64_t size;
    yl__check(L, yl__file_read(luaL_checkstring(L, 1), &data, &size));
    lua_pushlstring(L, data, (size_t)size); /* may throw on exhausted memory: then the process is at its end anyway */
    yl__free(data);
    return 1;
}

static int system_write(lua_State *L)
{
    size_t size;
    const char *path = luaL_checkstring(L, 1), *data = luaL_checklstring(L, 2, &size);
    yl__check(L, yl__file_write(path, data, (int64_t)size));
    return 0;
}

static int system_clock(lua_State *L)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    lua_pushnumber(L, (lua_Number)t.tv_sec + 1e-9 * (lua_Number)t.tv_nsec);
    return 1;
}

static int system_threads(lua_State *L)
{
    if (lua_gettop(L) > 0) yl_set_threads((int)luaL_checkinteger(L, 1));
    lua_pushinteger(L, yl_threads());
    return 1;
}

void yl__bind_system(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", system_read}, {"write", system_write}, {"clock", system_clock}, {"threads", system_threads}, {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "system");
}
