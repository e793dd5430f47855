/* core.serve: the server of a live page, for Lua. What is published is copied; the server's thread never sees a lua_State. */
#include "bind/bind.h"
#include "serve/server.h"

#define SERVER_CLASS "yolua.server"

/* serve.start(place) -> server */
static int serve_start(lua_State *L)
{
    yl__check_count(L, 1);
    const char *place = yl__check_string(L, 1);
    void **box = yl__new_object(L, SERVER_CLASS);
    yl__check(L, yl_server_start(place, (yl_server **)box));
    return 1;
}

static int serve_available(lua_State *L)
{
    lua_pushboolean(L, yl_server_available());
    return 1;
}

static int server_address(lua_State *L)
{
    lua_pushstring(L, yl_server_address(yl__object(L, 1, SERVER_CLASS)));
    return 1;
}

/* server:publish(path, type, bytes) */
static int server_publish(lua_State *L)
{
    size_t size;
    yl__check_count(L, 4);
    yl_server *server = yl__object(L, 1, SERVER_CLASS);
    const char *bytes = yl__check_text(L, 4, &size);
    yl__check(L, yl_server_publish(server, yl__check_string(L, 2), yl__check_string(L, 3), bytes, (int64_t)size));
    return 0;
}

/* server:publish_file(path, type, file) */
static int server_publish_file(lua_State *L)
{
    yl__check_count(L, 4);
    yl_server *server = yl__object(L, 1, SERVER_CLASS);
    yl__check(L,
              yl_server_publish_file(server, yl__check_string(L, 2), yl__check_string(L, 3), yl__check_string(L, 4)));
    return 0;
}

static int server_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, SERVER_CLASS);
    yl_server_stop(*box);
    *box = NULL;
    return 0;
}

void yl__bind_serve(lua_State *L)
{
    static const luaL_Reg methods[] = {{"address", server_address},
                                       {"publish", server_publish},
                                       {"publish_file", server_publish_file},
                                       {"close", server_close},
                                       {"__gc", server_close},
                                       {"__close", server_close},
                                       {NULL, NULL}};
    static const luaL_Reg functions[] = {{"start", serve_start}, {"available", serve_available}, {NULL, NULL}};
    yl__class(L, SERVER_CLASS, methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "serve");
}
