/* Sentences that are thrown, with the place of the user's code. */
#include "bind/bind.h"

#include <stdarg.h>
#include <string.h>

/* "file:line: " of the nearest caller outside the library's own Lua files; "" if there is none. */
static void push_position(lua_State *L)
{
    lua_Debug at;
    for (int level = 1; lua_getstack(L, level, &at); level++) {
        lua_getinfo(L, "Sl", &at);
        if (at.currentline <= 0 || strncmp(at.source, "@yolua/", 7) == 0) continue;
        lua_pushfstring(L, "%s:%d: ", at.short_src, at.currentline);
        return;
    }
    lua_pushliteral(L, "");
}

int yl__error(lua_State *L, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = lua_pushvfstring(L, format, arguments);
    va_end(arguments);
    yl__fail(YL_INVALID, "%s", text);
    push_position(L);
    lua_pushstring(L, yl_error());
    lua_concat(L, 2);
    return lua_error(L);
}

/* "yolua.net" -> "network" */
const char *yl__word(const char *class_name)
{
    const char *word = strrchr(class_name, '.');
    word = word ? word + 1 : class_name;
    return strcmp(word, "net") == 0 ? "network" : word;
}

void yl__check(lua_State *L, yl_status status)
{
    if (status == YL_OK) return;
    push_position(L);
    lua_pushstring(L, yl_error());
    lua_concat(L, 2);
    yl__throw(L, status, yl_error());
}

int yl__throw(lua_State *L, yl_status status, const char *sentence)
{
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, YL__FAILURE);
    if (status == YL_IO || status == YL_MEMORY || status == YL_INTERRUPTED) {
        lua_pushstring(L, sentence);
        lua_setfield(L, LUA_REGISTRYINDEX, YL__TROUBLE);
    }
    return lua_error(L);
}

/* Who throws an error on may have put words before it. */
bool yl__is_trouble(lua_State *L, int index)
{
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "";
    lua_getfield(L, LUA_REGISTRYINDEX, YL__TROUBLE);
    const char *last = lua_tostring(L, -1);
    bool trouble = strstr(text, "not enough memory") /* Lua's own */ || (last && strstr(text, last));
    lua_pop(L, 1);
    return trouble;
}

/* Its first bytes are enough to know it by. */
static const char *shown_text(lua_State *L, int index)
{
    enum { LONGEST = 100 };
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    if (length <= LONGEST) return lua_pushstring(L, text);
    lua_pushlstring(L, text, LONGEST);
    lua_pushliteral(L, "...");
    lua_concat(L, 2);
    return lua_tostring(L, -1);
}

const char *yl__shown(lua_State *L, int index)
{
    int type = lua_type(L, index);
    if (type == LUA_TSTRING) return shown_text(L, index);
    if (type == LUA_TNUMBER || type == LUA_TBOOLEAN) return luaL_tolstring(L, index, NULL);
    if (type == LUA_TNONE) return lua_pushliteral(L, "nothing");
    if (type == LUA_TUSERDATA && luaL_getmetafield(L, index, "__name") == LUA_TSTRING) /* "a tensor" */
        return lua_pushfstring(L, "a %s", yl__word(lua_tostring(L, -1)));
    return lua_pushfstring(L, type == LUA_TNIL ? "%s" : "a %s", luaL_typename(L, index));
}
