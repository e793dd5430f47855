/* Fields of tables that C reads itself: a number, a text, one of some words, each with a default. */
#include "bind/fields.h"
#include "core/text.h"

#include <string.h>

/* Raw: a metamethod could close what the call works on. */
static int get_field(lua_State *L, int index, const char *key)
{
    if (!lua_istable(L, index)) yl__error(L, "expected a table of options, got %s", yl__shown(L, index));
    index = lua_absindex(L, index);
    lua_pushstring(L, key);
    return lua_rawget(L, index);
}

int64_t yl__field_integer(lua_State *L, int index, const char *key, int64_t fallback)
{
    int64_t value = fallback;
    if (get_field(L, index, key) != LUA_TNIL) {
        int is_integer;
        value = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer) yl__error(L, "'%s': expected an integer, got %s", key, yl__shown(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

double yl__field_number(lua_State *L, int index, const char *key, double fallback)
{
    double value = fallback;
    if (get_field(L, index, key) != LUA_TNIL) {
        int is_number;
        value = lua_tonumberx(L, -1, &is_number);
        if (!is_number) yl__error(L, "'%s': expected a number, got %s", key, yl__shown(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

bool yl__field_boolean(lua_State *L, int index, const char *key, bool fallback)
{
    int type = get_field(L, index, key); /* a 0 would be true to Lua, and false to whoever wrote it */
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        yl__error(L, "'%s': expected true or false, got %s", key, yl__shown(L, -1));
    bool value = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

const char *yl__field_string(lua_State *L, int index, const char *key, const char *fallback)
{
    const char *value = fallback;
    if (get_field(L, index, key) != LUA_TNIL) {
        value =
            lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL; /* a number's text would not outlive the pop */
        if (!value) yl__error(L, "'%s': expected a string, got a %s", key, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

int yl__field_choice(lua_State *L, int index, const char *key, const char *const *choices)
{
    int chosen = 0;
    const char *text = yl__field_string(L, index, key, choices[0]);
    while (choices[chosen] && strcmp(choices[chosen], text) != 0) chosen++;
    if (choices[chosen]) return chosen;
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; choices[i]; i++) {
        if (i) luaL_addstring(&b, " or ");
        luaL_addstring(&b, choices[i]);
    }
    luaL_pushresult(&b);
    int64_t count = 0;
    while (choices[count]) count++;
    const char *near = yl__nearest(text, choices, count);
    return yl__error(L, near ? "'%s': expected %s, got '%s', did you mean '%s'?" : "'%s': expected %s, got '%s'", key,
                     lua_tostring(L, -1), text, near);
}
