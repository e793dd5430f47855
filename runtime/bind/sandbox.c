/* core.sandbox: what contains an untrusted recipe below Lua: the files that it may touch (core/sandbox.h), memory, and a count of the
 * instructions that it runs. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EACH = 1000 }; /* instructions between two looks */

static lua_Integer left;
static bool counting, over;

static int refuse(lua_State *L)
{
    over = true;
    return yl__error(L, "sandbox: the recipe ran more Lua instructions than sandbox.instructions allows");
}

/* Once over, every further instruction fails, so that no pcall of the recipe continues. */
static void look(lua_State *L, lua_Debug *at)
{
    (void)at;
    left -= EACH;
    if (left > 0) return;
    lua_sethook(L, look, LUA_MASKCOUNT, 1);
    refuse(L);
}

/* charge(): a coroutine that ends before its first look costs as much as one look */
static int sandbox_charge(lua_State *L)
{
    left -= EACH;
    return counting && left <= 0 ? refuse(L) : 0;
}

/* over() -> whether the instructions are used up */
static int sandbox_over(lua_State *L)
{
    lua_pushboolean(L, over);
    return 1;
}

/* allow(path [, write]) */
static int sandbox_allow(lua_State *L)
{
    yl__check(L, yl__sandbox_allow(yl__check_string(L, 1), lua_toboolean(L, 2)));
    return 0;
}

/* What can be measured anew (core/folder.h) is kept in `folder` from now on. */
static bool keep_cache_in(const char *folder)
{
    char path[4096 + 8], *real = realpath(folder, NULL);
    bool fine = real && snprintf(path, sizeof path, "%s/cache", real) < (int)sizeof path &&
                setenv("XDG_CACHE_HOME", path, 1) == 0;
    free(real);
    return fine;
}

/* enter(bytes, instructions, folder) -> whether the kernel holds the process too. Coroutines that exist already are not counted. */
static int sandbox_enter(lua_State *L)
{
    bool kernel;
    lua_Integer bytes = yl__check_integer(L, 1), instructions = yl__check_integer(L, 2);
    if (!keep_cache_in(yl__check_string(L, 3)))
        return yl__error(L, "sandbox: %s: %s", lua_tostring(L, 3), strerror(errno));
    yl__check(L, yl__sandbox_enter(bytes, &kernel));
    left = instructions;
    counting = true;
    lua_sethook(L, look, LUA_MASKCOUNT, EACH);
    lua_pushboolean(L, kernel);
    return 1;
}

static int answer(lua_State *L, yl_status status)
{
    lua_pushboolean(L, status == YL_OK);
    if (status == YL_OK) return 1;
    lua_pushstring(L, yl_error());
    return 2;
}

/* reads(path), writes(path) -> true, or false and the sentence */
static int sandbox_reads(lua_State *L)
{
    return answer(L, yl__sandbox_reads(yl__check_string(L, 1)));
}

static int sandbox_writes(lua_State *L)
{
    return answer(L, yl__sandbox_writes(yl__check_string(L, 1)));
}

void yl__bind_sandbox(lua_State *L)
{
    static const luaL_Reg functions[] = {{"allow", sandbox_allow},
                                         {"enter", sandbox_enter},
                                         {"reads", sandbox_reads},
                                         {"writes", sandbox_writes},
                                         {"over", sandbox_over},
                                         {"charge", sandbox_charge},
                                         {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "sandbox");
}
