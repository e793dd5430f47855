/* What the protocols' rows have in common: values out of them, options into them. Lua's null stands where a value does not exist. */
#include "bind/eval_rows.h"

#include <math.h>
#include <string.h>

static void push_number(lua_State *L, double value)
{
    if (isfinite(value))
        lua_pushnumber(L, value);
    else
        lua_pushlightuserdata(L, NULL);
}

void yl__row_number(lua_State *L, const char *key, double value)
{
    push_number(L, value);
    lua_setfield(L, -2, key);
}

void yl__row_count(lua_State *L, const char *key, int64_t value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, key);
}

void yl__row_text(lua_State *L, const char *key, const char *value)
{
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

void yl__row_flag(lua_State *L, const char *key, bool value)
{
    lua_pushboolean(L, value);
    lua_setfield(L, -2, key);
}

void yl__row_numbers(lua_State *L, const char *key, const double *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        push_number(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, key);
}

void yl__row_counts(lua_State *L, const char *key, const int64_t *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_pushinteger(L, values[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, key);
}

void yl__row_new(lua_State *L, const char *protocol)
{
    lua_newtable(L);
    yl__row_text(L, "protocol", protocol);
}

/* Puts a table of options at stack index 2, refusing keys that are not in the NULL-terminated list. */
void yl__row_options(lua_State *L, const char *const *known)
{
    lua_settop(L, 2);
    if (lua_isnil(L, 2)) {
        lua_newtable(L);
        lua_replace(L, 2);
    }
    yl__check_keys(L, 2, known);
}

double yl__row_option_number(lua_State *L, const char *key, double fallback, double low, double high)
{
    double value = fallback;
    if (lua_getfield(L, 2, key) != LUA_TNIL) {
        int is_number;
        value = lua_tonumberx(L, -1, &is_number);
        if (!is_number || !(value >= low && value <= high))
            yl__error(L, "%s: expected a number from %f to %f, got %s", key, low, high, yl__shown(L, -1));
    }
    lua_pop(L, 1);
    return value;
}

bool yl__row_option_flag(lua_State *L, const char *key, bool fallback)
{
    bool value = fallback;
    int type = lua_getfield(L, 2, key);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        yl__error(L, "%s: expected true or false, got %s", key, yl__shown(L, -1));
    if (type == LUA_TBOOLEAN) value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* The number of the word under `key` in the NULL-terminated list; 0 where there is none. */
int yl__row_option_word(lua_State *L, const char *key, const char *const *words)
{
    int chosen = 0;
    if (lua_getfield(L, 2, key) != LUA_TNIL) {
        const char *word = yl__shown(L, -1);
        while (words[chosen] && strcmp(words[chosen], word) != 0) chosen++;
        if (!words[chosen]) yl__error(L, "%s: expected %s or another known word, got '%s'", key, words[0], word);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return chosen;
}

void yl__row_class_names(lua_State *L, const yl_eval_classes *classes)
{
    lua_createtable(L, (int)classes->count, 0);
    for (int64_t i = 0; i < classes->count; i++) {
        lua_pushstring(L, classes->at[i].name);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Memory for `count` values, collected after the call. */
void *yl__row_scratch(lua_State *L, int64_t count, size_t size)
{
    return lua_newuserdatauv(L, (size_t)(count ? count : 1) * size, 0);
}
