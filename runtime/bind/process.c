/* core.process: other processes of this program, which run trials. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/memory.h"
#include "core/process.h"

#include <unistd.h>

/* start(words, output) -> id. The program starts anew with the words; what it prints is appended to the file `output`. */
static int process_start(lua_State *L)
{
    lua_Integer count = yl__check_list(L, 1, "words");
    const char *output = yl__check_string(L, 2);
    const char **words = lua_newuserdatauv(L, ((size_t)count + 2) * sizeof *words, 0);
    words[0] = "yolua";
    for (lua_Integer i = 1; i <= count; i++) {
        if (lua_rawgeti(L, 1, i) != LUA_TSTRING) return yl__arg_error(L, 1, "a list of texts expected");
        words[i] = lua_tostring(L, -1); /* the list keeps it */
        lua_pop(L, 1);
    }
    words[count + 1] = NULL;
    int64_t id;
    yl__check(L, yl__process_start(words, output, &id));
    lua_pushinteger(L, (lua_Integer)id);
    return 1;
}

/* ended(id) -> nil while it runs; then, once, its exit status, or minus the number of the signal that ended it */
static int process_ended(lua_State *L)
{
    bool ended;
    int status = 0;
    yl__check(L, yl__process_ended(yl__check_integer(L, 1), &ended, &status));
    if (ended)
        lua_pushinteger(L, status);
    else
        lua_pushnil(L);
    return 1;
}

/* interrupt(id): asks a process that runs to stop, as Ctrl-C does */
static int process_interrupt(lua_State *L)
{
    yl__process_interrupt(yl__check_integer(L, 1));
    return 0;
}

/* rest(seconds): sleeps, or until a signal comes */
static int process_rest(lua_State *L)
{
    yl__process_rest(yl__check_number(L, 1));
    return 0;
}

/* program() -> this program's path */
static int process_program(lua_State *L)
{
    char path[4096];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path);
    if (length <= 0 || length == (ssize_t)sizeof path) return yl__error(L, "the program's path cannot be found");
    lua_pushlstring(L, path, (size_t)length);
    return 1;
}

void yl__bind_process(lua_State *L)
{
    static const luaL_Reg functions[] = {{"start", process_start},         {"ended", process_ended},
                                         {"interrupt", process_interrupt}, {"rest", process_rest},
                                         {"program", process_program},     {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "process");
}
