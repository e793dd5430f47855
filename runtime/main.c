/* The yolua program: a recipe, a verb, a chunk of code, or the prompt. */
#include "bind/bind.h"
#include "core/log.h"

#include <stdio.h>
#include <string.h>

static void warn(void *user, const char *sentence)
{
    (void)user;
    fprintf(stderr, "yolua: warning: %s\n", sentence);
}

static int traceback(lua_State *L)
{
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

int main(int argc, char **argv)
{
    yl_set_warn_hook(warn, NULL);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    yl__open_library(L);
    lua_pushcfunction(L, traceback);
    int bad = LUA_OK;
    if (argc == 3 && strcmp(argv[1], "-e") == 0) bad = luaL_loadstring(L, argv[2]);
    else if (argc >= 2) bad = luaL_loadfile(L, argv[1]);
    else return 2;
    if (!bad) bad = lua_pcall(L, 0, 0, 1);
    if (bad) fprintf(stderr, "yolua: %s\n", lua_tostring(L, -1));
    lua_close(L);
    return bad ? 1 : 0;
}
