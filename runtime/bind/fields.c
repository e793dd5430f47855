/* Options of C's structs from Lua's tables, through the field tables beside the structs; and those tables for Lua, so that its help,
 * checks, completion and annotations repeat nothing. */
#include "bind/fields.h"
#include "core/text.h"

#include <math.h>
#include <string.h>

/* ---- from Lua ------------------------------------------------------------------------------------------------------ */

static bool listed(const char *const *names, const char *name)
{
    while (names && *names && strcmp(*names, name) != 0) names++;
    return names && *names;
}

static int refuse_key(lua_State *L, const yl__filled *structs, int count, const char *const *others, const char *key)
{
    const char *near = NULL, *owner = "";
    yl_nearest nearest = yl__nearest_to(key);
    for (int i = 0; i < count; i++) {
        const char *suggestion;
        if (!structs[i].table) continue;
        owner = structs[i].table->owner;
        yl_option_find(structs[i].table, key, &suggestion);
        if (suggestion) near = suggestion;
    }
    for (; others && *others; others++) yl__nearer(&nearest, *others, *others);
    if (!near) near = nearest.found;
    return yl__error(L, near ? "%s: unknown option '%s', did you mean '%s'?" : "%s: unknown option '%s'", owner, key,
                     near);
}

/* Stores the value on top of the stack in whichever struct has the key. */
static bool store(lua_State *L, const yl__filled *structs, int count, const char *key)
{
    for (int i = 0; i < count; i++) {
        const yl_field_table *table = structs[i].table;
        if (!table || !yl_option_find(table, key, NULL)) continue;
        int top = lua_gettop(L);
        yl_value value = yl__option_value(L, top, table->owner, false, key);
        yl__check(L, yl_options_set(table, structs[i].options, table->owner, key, &value));
        lua_settop(L, top);
        return true;
    }
    return false;
}

static void read_keys(lua_State *L, int index, const yl__filled *structs, int count, const char *const *others)
{
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 2)) {
        const char *key = luaL_tolstring(L, -2, NULL);
        bool named = lua_type(L, -3) == LUA_TSTRING;
        lua_insert(L, -2); /* key, its text, value */
        if (listed(others, key)) continue;
        if (!named || !store(L, structs, count, key)) refuse_key(L, structs, count, others, key);
    }
}

static void check_complete(lua_State *L, int index, const yl_field_table *table)
{
    for (int64_t i = 0; i < table->count; i++) {
        const yl_field *f = &table->fields[i];
        if (!yl_option_required(f)) continue;
        lua_pushstring(L, f->key);
        if (lua_rawget(L, index) == LUA_TNIL) yl__error(L, "%s: option '%s' is missing", table->owner, f->key);
        lua_pop(L, 1);
    }
}

void yl__change_options(lua_State *L, int index, const yl__filled *structs, int count, const char *const *others)
{
    if (!lua_istable(L, index)) yl__error(L, "expected a table of options, got %s", yl__shown(L, index));
    luaL_checkstack(L, 8, "options");
    read_keys(L, lua_absindex(L, index), structs, count, others);
}

void yl__read_options(lua_State *L, int index, const yl__filled *structs, int count, const char *const *others)
{
    bool given = !lua_isnoneornil(L, index);
    for (int i = 0; i < count; i++)
        if (structs[i].table) yl__check(L, yl_options_defaults(structs[i].table, structs[i].options));
    if (!given) lua_newtable(L);
    index = given ? lua_absindex(L, index) : lua_gettop(L);
    yl__change_options(L, index, structs, count, others);
    for (int i = 0; i < count; i++)
        if (structs[i].table) check_complete(L, index, structs[i].table);
    if (!given) lua_pop(L, 1);
}

/* ---- to Lua -------------------------------------------------------------------------------------------------------- */

void yl__set_option(lua_State *L, const yl_field_table *table, const char *key, const void *options)
{
    yl_value value;
    const yl_field *f = yl_option_find(table, key, NULL);
    yl_options_get(f, options, &value);
    yl__push_option(L, f, &value);
    lua_setfield(L, -2, key);
}

static void push_choices(lua_State *L, const yl_field *f)
{
    char choice[YL_OPTION_TEXT];
    lua_newtable(L);
    for (int64_t i = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice) break;
        lua_pushstring(L, choice);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, "choices");
}

static void push_number(lua_State *L, double number)
{
    if (number == floor(number) && fabs(number) < 0x1p53)
        lua_pushinteger(L, (lua_Integer)number);
    else
        lua_pushnumber(L, number);
}

static void set_limit(lua_State *L, const char *name, double limit)
{
    if (!isfinite(limit)) return;
    push_number(L, limit);
    lua_setfield(L, -2, name);
}

static void push_aliases(lua_State *L, const char *p)
{
    lua_newtable(L);
    for (lua_Integer i = 1; p && *(p += strspn(p, " ")); i++) {
        size_t length = strcspn(p, " ");
        lua_pushlstring(L, p, length);
        lua_rawseti(L, -2, i);
        p += length;
    }
    lua_setfield(L, -2, "aliases");
}

/* The default as a boolean or a number where it is one, else as text. */
static void push_default(lua_State *L, const yl_field *f)
{
    yl_value value = {.kind = YL_VALUE_STRING, .string = f->fallback};
    bool plain = f->type == YL_OPTION_BOOL || f->type == YL_OPTION_INT || f->type == YL_OPTION_NUMBER;
    if (!f->fallback || !plain || yl_option_check(f, NULL, &value, &value) != YL_OK)
        lua_pushstring(L, f->fallback); /* NULL: nil */
    else if (f->type == YL_OPTION_NUMBER)
        push_number(L, value.number);
    else
        yl__push_option(L, f, &value);
}

static void push_field(lua_State *L, const yl_field *f)
{
    const char *const texts[] = {f->key, yl__option_types[f->type], NULL, f->unit, f->help};
    lua_newtable(L);
    for (int i = 0; i < 5; i++) {
        if (i == 2)
            push_default(L, f);
        else
            lua_pushstring(L, texts[i]);
        lua_rawseti(L, -2, i + 1);
    }
    if (f->min != 0 || f->max != 0) {
        set_limit(L, "min", f->min);
        set_limit(L, "max", f->max);
    }
    if (f->choices) push_choices(L, f);
    if (f->aliases) push_aliases(L, f->aliases);
}

void yl__push_fields(lua_State *L, const yl_field_table *table)
{
    lua_newtable(L);
    for (int64_t i = 0; table && i < table->count; i++) {
        push_field(L, &table->fields[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

#define TABLES "yolua.fields" /* registry: owner -> field table */

void yl__offer_fields(lua_State *L, const yl_field_table *table)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TABLES);
    lua_pushlightuserdata(L, (void *)table);
    lua_setfield(L, -2, table->owner);
    lua_pop(L, 1);
}

/* core.fields(name) -> the field table of the C struct of that name: {{key, type, default, unit, help, min=, max=, choices=,
 * aliases=}, ...}; nil where there is none */
static int fields_of(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, TABLES);
    if (lua_getfield(L, -1, yl__check_string(L, 1)) == LUA_TNIL) return 0;
    yl__push_fields(L, lua_touserdata(L, -1));
    return 1;
}

void yl__bind_fields(lua_State *L)
{
    lua_pushcfunction(L, fields_of);
    lua_setfield(L, -2, "fields");
}
