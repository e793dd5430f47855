/* The auxiliary library's checks of arguments, with the place of the user's code in their sentences: luaL_checkinteger and the like name
 * the line that called, which may be one of the library's own. */
#include "bind/bind.h"

#include <string.h>

int yl__arg_error(lua_State *L, int index, const char *sentence)
{
    lua_Debug at = {0};
    bool known = lua_getstack(L, 0, &at) && lua_getinfo(L, "n", &at);
    const char *name = known && at.name ? at.name : "this call";
    if (known && strcmp(at.namewhat, "method") == 0 && --index == 0)
        return yl__error(L, "%s: called on the wrong object (%s)", name, sentence);
    return yl__error(L, "%s: argument %d: %s", name, index, sentence);
}

void yl__arg_check(lua_State *L, bool holds, int index, const char *sentence)
{
    if (!holds) yl__arg_error(L, index, sentence);
}

void yl__check_count(lua_State *L, int most)
{
    if (lua_gettop(L) <= most) return;
    yl__arg_error(L, most + 1, lua_pushfstring(L, "nothing is expected here, got %s", yl__shown(L, most + 1)));
}

static int type_error(lua_State *L, int index, const char *expected)
{
    return yl__arg_error(L, index, lua_pushfstring(L, "expected a %s, got %s", expected, yl__shown(L, index)));
}

lua_Integer yl__check_integer(lua_State *L, int index)
{
    int whole;
    lua_Integer value = lua_tointegerx(L, index, &whole);
    if (!whole) type_error(L, index, "whole number");
    return value;
}

lua_Integer yl__opt_integer(lua_State *L, int index, lua_Integer fallback)
{
    return lua_isnoneornil(L, index) ? fallback : yl__check_integer(L, index);
}

lua_Number yl__check_number(lua_State *L, int index)
{
    int number;
    lua_Number value = lua_tonumberx(L, index, &number);
    if (!number) type_error(L, index, "number");
    return value;
}

lua_Number yl__opt_number(lua_State *L, int index, lua_Number fallback)
{
    return lua_isnoneornil(L, index) ? fallback : yl__check_number(L, index);
}

const char *yl__check_text(lua_State *L, int index, size_t *length)
{
    const char *text = lua_tolstring(L, index, length);
    if (!text) type_error(L, index, "text");
    return text;
}

const char *yl__opt_text(lua_State *L, int index, const char *fallback, size_t *length)
{
    if (!lua_isnoneornil(L, index)) return yl__check_text(L, index, length);
    if (length) *length = fallback ? strlen(fallback) : 0;
    return fallback;
}

const char *yl__check_string(lua_State *L, int index)
{
    return yl__check_text(L, index, NULL);
}

const char *yl__opt_string(lua_State *L, int index, const char *fallback)
{
    return yl__opt_text(L, index, fallback, NULL);
}

lua_Integer yl__length(lua_State *L, int index)
{
    lua_Integer n = luaL_len(L, index);
    if (n < 0 || n > INT32_MAX) yl__error(L, "expected a list, got one whose length is %I", (LUAI_UACINT)n);
    return n;
}

void yl__check_type(lua_State *L, int index, int type)
{
    if (lua_type(L, index) != type) type_error(L, index, lua_typename(L, type));
}

void yl__check_any(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TNONE) yl__arg_error(L, index, "a value is missing");
}

int yl__check_option(lua_State *L, int index, const char *fallback, const char *const *choices)
{
    const char *text = yl__opt_text(L, index, fallback, NULL);
    if (!text) type_error(L, index, "text");
    for (int i = 0; choices[i]; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): type_error does not return */
        if (strcmp(choices[i], text) == 0) return i;
    }
    luaL_Buffer b;
    luaL_buffinit(L, &b);
    for (int i = 0; choices[i]; i++) {
        if (i > 0) luaL_addchar(&b, '|');
        luaL_addstring(&b, choices[i]);
    }
    luaL_pushresult(&b);
    return yl__arg_error(L, index, lua_pushfstring(L, "expected one of %s, got '%s'", lua_tostring(L, -1), text));
}

void *yl__check_object(lua_State *L, int index, const char *class_name)
{
    void *object = luaL_testudata(L, index, class_name);
    if (!object) type_error(L, index, yl__word(class_name));
    return object;
}
