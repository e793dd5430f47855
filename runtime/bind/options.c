/* The option parser for Lua's field tables: a field {key, type, min=, max=, choices=, unit=} is turned into C's
 * yl_field, so that Lua and C accept the same spellings and fail with the same sentences. */
#include "bind/option_objects.h"
#include "core/foreign.h"
#include "core/text.h"

#include <math.h>
#include <string.h>

const char *const yl__option_types[] = {"bool", "int", "number", "string", "enum", "numbers", "size", "flags", NULL};

/* Joins field.choices, leaving the joined string on the stack. */
static const char *join_choices(lua_State *L, int table)
{
    luaL_Buffer b;
    if (lua_getfield(L, table, "choices") != LUA_TTABLE) return NULL;
    int choices = lua_gettop(L);
    lua_Integer n = yl__length(L, choices);
    luaL_buffinit(L, &b);
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1) luaL_addchar(&b, '|');
        lua_rawgeti(L, choices, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    return lua_tostring(L, -1);
}

void yl__read_range(lua_State *L, int table, yl_field *f)
{
    bool has_min = lua_getfield(L, table, "min") != LUA_TNIL, has_max = lua_getfield(L, table, "max") != LUA_TNIL;
    if (has_min || has_max) {
        f->min = has_min ? lua_tonumber(L, -2) : -INFINITY;
        f->max = has_max ? lua_tonumber(L, -1) : INFINITY;
    }
    lua_pop(L, 2);
}

/* Leaves a few strings on the stack that the field borrows. */
static yl_field read_field(lua_State *L, int table)
{
    yl_field f = {.unit = ""};
    if (lua_rawgeti(L, table, 4) == LUA_TSTRING) f.unit = lua_tostring(L, -1);
    lua_rawgeti(L, table, 1);
    f.key = yl__check_string(L, -1);
    lua_rawgeti(L, table, 2);
    f.type = (yl_option_type)yl__check_option(L, -1, NULL, yl__option_types);
    bool chosen = f.type == YL_OPTION_ENUM || f.type == YL_OPTION_FLAGS;
    f.choices = chosen ? join_choices(L, table) : NULL;
    if (chosen && !f.choices) yl__error(L, "field '%s' is %s without choices", f.key, yl__option_types[f.type]);
    yl__read_range(L, table, &f);
    return f;
}

/* "where: option 'key': sentence". In `place`, `where` says where it was written; else the caller's position goes before it. */
static int refuse(lua_State *L, const char *where, bool place, const char *key, const char *sentence)
{
    if (!place) return yl__error(L, "%s: option '%s': %s", where, key, sentence);
    lua_pushfstring(L, "%s%soption '%s': %s", where ? where : "", where ? ": " : "", key, sentence);
    return lua_error(L);
}

static yl_value numbers_of(lua_State *L, int index, const char *where, bool place, const char *key)
{
    yl_value value = {.kind = YL_VALUE_NUMBERS};
    lua_Integer n = yl__length(L, index);
    if (n > YL_OPTION_LIST)
        refuse(L, where, place, key, lua_pushfstring(L, "expected at most %d numbers, got %I", YL_OPTION_LIST, n));
    for (lua_Integer i = 1; i <= n; i++) {
        if (lua_geti(L, index, i) != LUA_TNUMBER)
            refuse(L, where, place, key,
                   lua_pushfstring(L, "expected numbers, got a %s as number %I", luaL_typename(L, -1), i));
        value.numbers.at[value.numbers.count++] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    return value;
}

/* A list of texts, joined with commas; the text stays on the stack. */
static yl_value words_of(lua_State *L, int index, const char *where, bool place, const char *key)
{
    luaL_Buffer b;
    lua_Integer n = yl__length(L, index);
    luaL_buffinit(L, &b);
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1) luaL_addchar(&b, ',');
        if (lua_geti(L, index, i) != LUA_TSTRING)
            refuse(L, where, place, key,
                   lua_pushfstring(L, "expected texts, got a %s as text %I", luaL_typename(L, -1), i));
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    return (yl_value){.kind = YL_VALUE_WORDS, .string = lua_tostring(L, -1)};
}

static bool begins_with_text(lua_State *L, int index)
{
    bool text = lua_geti(L, index, 1) == LUA_TSTRING;
    lua_pop(L, 1);
    return text;
}

yl_value yl__option_value(lua_State *L, int index, const char *where, bool place, const char *key)
{
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN:
        return (yl_value){.kind = YL_VALUE_BOOL, .boolean = lua_toboolean(L, index)};
    case LUA_TSTRING:
        return (yl_value){.kind = YL_VALUE_STRING, .string = lua_tostring(L, index)};
    case LUA_TNUMBER:
        if (lua_isinteger(L, index)) return (yl_value){.kind = YL_VALUE_INT, .integer = lua_tointeger(L, index)};
        return (yl_value){.kind = YL_VALUE_NUMBER, .number = lua_tonumber(L, index)};
    case LUA_TTABLE:
        return (begins_with_text(L, index) ? words_of : numbers_of)(L, index, where, place, key);
    default:
        refuse(L, where, place, key, lua_pushfstring(L, "a %s is not a valid option value", luaL_typename(L, index)));
        return (yl_value){0};
    }
}

static void push_flags(lua_State *L, const yl_field *f, int64_t bits)
{
    char choice[YL_OPTION_TEXT];
    lua_newtable(L);
    for (int64_t i = 0, k = 0;; i++) {
        yl_option_choice(f, i, choice);
        if (!*choice) return;
        if (!(bits >> i & 1)) continue;
        lua_pushstring(L, choice);
        lua_rawseti(L, -2, ++k);
    }
}

void yl__push_option(lua_State *L, const yl_field *f, const yl_value *v)
{
    char choice[YL_OPTION_TEXT];
    switch (f->type) {
    case YL_OPTION_BOOL:
        lua_pushboolean(L, v->boolean);
        break;
    case YL_OPTION_INT:
        lua_pushinteger(L, v->integer);
        break;
    case YL_OPTION_NUMBER:
        lua_pushnumber(L, v->number);
        break;
    case YL_OPTION_STRING:
        lua_pushstring(L, v->string);
        break;
    case YL_OPTION_ENUM:
        yl_option_choice(f, v->integer, choice);
        lua_pushstring(L, choice);
        break;
    case YL_OPTION_FLAGS:
        push_flags(L, f, v->integer);
        break;
    case YL_OPTION_NUMBERS:
    case YL_OPTION_SIZE:
        lua_createtable(L, (int)v->numbers.count, 0);
        for (int64_t i = 0; i < v->numbers.count; i++) {
            if (f->type == YL_OPTION_SIZE)
                lua_pushinteger(L, (lua_Integer)v->numbers.at[i]);
            else
                lua_pushnumber(L, v->numbers.at[i]);
            lua_rawseti(L, -2, i + 1);
        }
        break;
    }
}

/* check(field, where or nil, value, key or nil): the value as the field's type (an enum's name, lists as tables of
 * numbers). Throws one sentence that begins with `where`, without a Lua position; `key` is the dotted name to print. */
static int options_check(lua_State *L)
{
    yl__check_type(L, 1, LUA_TTABLE);
    const char *where = yl__opt_string(L, 2, NULL);
    lua_settop(L, 4);
    yl_field f = read_field(L, 1);
    if (!lua_isnil(L, 4)) f.key = yl__check_string(L, 4);
    yl_value value = yl__option_value(L, 3, where, true, f.key);
    if (yl_option_check(&f, where, &value, &value) != YL_OK) {
        lua_pushstring(L, yl_error());
        return lua_error(L);
    }
    yl__push_option(L, &f, &value);
    return 1;
}

/* nearest(word, spellings): the place of the spelling that the word is a slip of, or nil */
static int options_nearest(lua_State *L)
{
    yl_nearest nearest = yl__nearest_to(yl__check_string(L, 1));
    lua_Integer found = 0;
    yl__check_type(L, 2, LUA_TTABLE);
    for (lua_Integer i = 1; lua_geti(L, 2, i) != LUA_TNIL; i++) {
        if (yl__nearer(&nearest, yl__check_string(L, -1), "")) found = i;
        lua_pop(L, 1);
    }
    if (!found) return 0;
    lua_pushinteger(L, found);
    return 1;
}

/* foreign(kind, word): how a sentence that refuses the word ends where it is a name of another program, or a planned one; else nil */
static int options_foreign(lua_State *L)
{
    char text[YL_FOREIGN_TEXT];
    if (!yl__foreign(yl__check_string(L, 1), yl__check_string(L, 2), text)) return 0;
    lua_pushstring(L, text);
    return 1;
}

/* foreign_names() -> {{kind, name, ours or false}, ...} */
static int options_foreign_names(lua_State *L)
{
    lua_newtable(L);
    for (const yl_foreign *f = yl__foreign_names; f->name; f++) {
        lua_createtable(L, 3, 0);
        lua_pushstring(L, f->kind), lua_rawseti(L, -2, 1);
        lua_pushstring(L, f->name), lua_rawseti(L, -2, 2);
        if (f->ours)
            lua_pushstring(L, f->ours);
        else
            lua_pushboolean(L, false);
        lua_rawseti(L, -2, 3);
        lua_rawseti(L, -2, f - yl__foreign_names + 1);
    }
    return 1;
}

/* distance(a, b): edits between two words; case does not count, '-' equals '_'. */
static int options_distance(lua_State *L)
{
    lua_pushinteger(L, yl__edit_distance(yl__check_string(L, 1), yl__check_string(L, 2)));
    return 1;
}

/* The name that a file of this prefix has as a module: "lua/yolua/verbs/" + "val.lua" -> "val"; NULL for others. */
static const char *module_name(lua_State *L, const char *file, const char *prefix)
{
    size_t n = strlen(prefix), length = strlen(file);
    if (length < n + 4 || strncmp(file, prefix, n) != 0 || strcmp(file + length - 4, ".lua") != 0) return NULL;
    if (memchr(file + n, '/', length - n)) return NULL;
    return lua_pushlstring(L, file + n, length - n - 4);
}

/* modules(prefix): the names of the embedded Lua files in that folder ("lua/yolua/verbs/"), in the order of their
 * names. */
static int options_modules(lua_State *L)
{
    const char *prefix = yl__check_string(L, 1);
    lua_newtable(L);
    for (const yl_embedded_file *f = yl__embedded; f->name; f++)
        if (module_name(L, f->name, prefix)) lua_rawseti(L, 2, yl__length(L, 2) + 1);
    return 1;
}

void yl__bind_options(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"check", options_check},
        {"nearest", options_nearest},
        {"distance", options_distance},
        {"foreign", options_foreign},
        {"foreign_names", options_foreign_names},
        {"modules", options_modules},
        {NULL, NULL},
    };
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "options");
}
