/* Files, time and the machine, as far as the Lua library needs them. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/threads.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int system_read(lua_State *L)
{
    char *data;
    int64_t size;
    yl__check(L, yl__file_read(yl__check_string(L, 1), &data, &size));
    yl__push_bytes(L, data, size);
    return 1;
}

static int system_write(lua_State *L)
{
    size_t size;
    const char *path = yl__check_string(L, 1), *data = yl__check_text(L, 2, &size);
    yl__check(L, yl__file_write(path, data, (int64_t)size));
    return 0;
}

static int system_clock(lua_State *L)
{
    lua_pushnumber(L, yl__now());
    return 1;
}

static int system_threads(lua_State *L)
{
    if (lua_gettop(L) > 0) yl_set_threads((int)yl__check_integer(L, 1));
    lua_pushinteger(L, yl_threads());
    return 1;
}

/* try_read(path) -> text, or nil and the sentence */
static int system_try_read(lua_State *L)
{
    char *data;
    int64_t size;
    if (yl__file_read(yl__check_string(L, 1), &data, &size) != YL_OK) {
        lua_pushnil(L);
        lua_pushstring(L, yl_error());
        return 2;
    }
    yl__push_bytes(L, data, size);
    return 1;
}

/* is_failure(message) -> whether yl__check threw it: a sentence about the job, not a fault in Lua code */
static int system_is_failure(lua_State *L)
{
    yl__check_any(L, 1);
    lua_getfield(L, LUA_REGISTRYINDEX, YL__FAILURE);
    lua_pushboolean(L, lua_rawequal(L, 1, -1));
    return 1;
}

/* is_trouble(message) -> whether it says that the system refused to read or write, that memory ran out, or that the user interrupted */
static int system_is_trouble(lua_State *L)
{
    yl__check_any(L, 1);
    lua_pushboolean(L, yl__is_trouble(L, 1));
    return 1;
}

static int end_attempt(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L);
    if (status == LUA_ERRMEM || yl__is_trouble(L, -1)) return lua_error(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* attempt(f, ...) -> what pcall gives. What says nothing about f's question is thrown on: the system refused to read or write, memory
 * ran out, the user interrupted. For callers who conclude something from a failure (a file is no JSON, a size does not fit). */
static int system_attempt(lua_State *L)
{
    yl__check_any(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    return end_attempt(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, end_attempt), 0);
}

static int system_warn(lua_State *L)
{
    yl__warn("%s", yl__check_string(L, 1));
    return 0;
}

/* warn_file(path or nil) -> the one before: warnings are kept in that file too */
static int system_warn_file(lua_State *L)
{
    const char *path = lua_isnoneornil(L, 1) ? NULL : yl__check_string(L, 1);
    lua_pushstring(L, yl__warn_file_now());
    yl__check(L, yl__warn_file(path));
    return 1;
}

static int close_stream(lua_State *L)
{
    luaL_Stream *stream = yl__check_object(L, 1, LUA_FILEHANDLE);
    return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

/* take_output() -> a file on the process's standard output; from now on everything else that prints there, C libraries
 * included, reaches standard error instead, so that one JSON document stands alone. */
static int system_take_output(lua_State *L)
{
    luaL_Stream *stream = lua_newuserdatauv(L, sizeof *stream, 0);
    stream->closef = NULL;
    luaL_setmetatable(L, LUA_FILEHANDLE);
    fflush(stdout);
    int copy = dup(STDOUT_FILENO);
    if (copy < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 || !(stream->f = fdopen(copy, "w")))
        return yl__error(L, "cannot write standard output: %s", errno == EINVAL ? "it is closed" : strerror(errno));
    stream->closef = close_stream;
    return 1;
}

/* interrupted() -> whether Ctrl-C asked to stop; clear_interrupt() forgets it */
static int system_interrupted(lua_State *L)
{
    lua_pushboolean(L, yl_interrupted());
    return 1;
}

/* at_limit() -> whether a scheduler has warned of the time limit (SIGUSR1), which also asks to stop */
static int system_at_limit(lua_State *L)
{
    lua_pushboolean(L, yl_interrupted_at_limit());
    return 1;
}

static int system_clear_interrupt(lua_State *L)
{
    (void)L;
    yl_clear_interrupt();
    return 0;
}

/* heed_interrupt(true): work that reads interrupted() begins; false: it ended. Such calls may be nested. Meanwhile SIGTERM asks it to
 * stop, like Ctrl-C. */
static int system_heed_interrupt(lua_State *L)
{
    yl__check_type(L, 1, LUA_TBOOLEAN);
    yl_heed_interrupt(lua_toboolean(L, 1) ? 1 : -1);
    return 0;
}

void yl__bind_system(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", system_read},
        {"write", system_write},
        {"clock", system_clock},
        {"interrupted", system_interrupted},
        {"at_limit", system_at_limit},
        {"clear_interrupt", system_clear_interrupt},
        {"heed_interrupt", system_heed_interrupt},
        {"threads", system_threads},
        {"try_read", system_try_read},
        {"is_failure", system_is_failure},
        {"is_trouble", system_is_trouble},
        {"attempt", system_attempt},
        {"warn", system_warn},
        {"warn_file", system_warn_file},
        {"take_output", system_take_output},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "system");
}
