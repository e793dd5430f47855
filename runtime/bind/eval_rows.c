/* What the protocols' rows have in common: values out of them. Lua's null stands where a value does not exist. */
#include "bind/eval_rows.h"

#include <math.h>

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
    lua_pushstring(L, protocol);
    lua_setfield(L, -2, "protocol");
}

void yl__row_classes(lua_State *L, const yl_eval_classes *classes, const void *rows, size_t size,
                     void (*push)(lua_State *L, const void *row))
{
    lua_newtable(L);
    for (int64_t i = 0; i < classes->count; i++) {
        push(L, (const char *)rows + (size_t)i * size);
        lua_setfield(L, -2, classes->at[i].name);
    }
    lua_setfield(L, -2, "classes");
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
