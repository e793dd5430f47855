/* Lua values to document trees and back: shared by json, yaml and whatever else reads plain data. */
#include "bind/tree.h"
#include "core/memory.h"

#include <stdio.h>
#include <string.h>

static const char DOCUMENT[] = "yolua.document", TEXT[] = "yolua.text", EMPTY_MAP[] = "yolua.object";

static int close_document(lua_State *L)
{
    yl_document **box = yl__check_object(L, 1, DOCUMENT);
    if (*box) yl__document_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

static int close_text(lua_State *L)
{
    yl_text **box = yl__check_object(L, 1, TEXT);
    if (*box) yl__text_free(*box);
    yl__free(*box);
    *box = NULL;
    return 0;
}

static void ensure_class(lua_State *L, const char *name, lua_CFunction close)
{
    luaL_Reg methods[] = {{"__gc", close}, {"__close", close}, {NULL, NULL}};
    if (luaL_getmetatable(L, name) == LUA_TNIL) yl__class(L, name, methods);
    lua_pop(L, 1);
}

yl_document *yl__push_document(lua_State *L)
{
    ensure_class(L, DOCUMENT, close_document);
    void **box = yl__new_object(L, DOCUMENT);
    yl__check(L, yl__calloc(1, sizeof(yl_document), box));
    return *box;
}

yl_text *yl__push_text(lua_State *L)
{
    ensure_class(L, TEXT, close_text);
    void **box = yl__new_object(L, TEXT);
    yl__check(L, yl__calloc(1, sizeof(yl_text), box));
    return *box;
}

/* ---- from Lua ---- */

typedef struct scan {
    const char *what;
    yl_document *document;
    int depth;
} scan;

static yl_tree *read_value(lua_State *L, int index, scan *s);

static bool jsontype(lua_State *L, int index, yl_tree_kind *kind)
{
    if (luaL_getmetafield(L, index, "__jsontype") == LUA_TNIL) return false;
    const char *name = lua_tostring(L, -1);
    *kind = name && strcmp(name, "array") == 0 ? YL_TREE_LIST : YL_TREE_MAP;
    lua_pop(L, 1);
    return true;
}

/* Keys 1..n and no other: a list. */
static yl_tree_kind table_kind(lua_State *L, int index)
{
    lua_Integer length = (lua_Integer)lua_rawlen(L, index), seen = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1 || lua_tointeger(L, -2) > length) {
            lua_pop(L, 2);
            return YL_TREE_MAP;
        }
        seen++;
    }
    return seen == length ? YL_TREE_LIST : YL_TREE_MAP;
}

static void read_key(lua_State *L, scan *s, yl_tree *child)
{
    char digits[32];
    size_t length;
    if (lua_type(L, -2) != LUA_TSTRING && !lua_isinteger(L, -2))
        yl__error(L, "%s: a table's key must be a string, got a %s", s->what, luaL_typename(L, -2));
    if (lua_isinteger(L, -2)) {
        length = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)lua_tointeger(L, -2));
        yl__check(L, yl__tree_copy(s->document, digits, (int64_t)length, &child->key));
    } else {
        const char *key = lua_tolstring(L, -2, &length);
        yl__check(L, yl__tree_copy(s->document, key, (int64_t)length, &child->key));
    }
    child->key_length = (int64_t)length;
}

static void read_members(lua_State *L, int index, scan *s, yl_tree *map)
{
    const yl_tree *twice;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        yl_tree *child = read_value(L, lua_gettop(L), s);
        read_key(L, s, child);
        yl__tree_add(map, child);
    }
    yl__check(L, yl__tree_duplicate(map, &twice));
    if (twice) yl__error(L, "%s: a table has the key '%s' both as a number and as a string", s->what, twice->key);
}

static yl_tree *read_table(lua_State *L, int index, scan *s)
{
    yl_tree *tree;
    yl_tree_kind kind;
    if (++s->depth > YL_TREE_DEPTH)
        yl__error(L, "%s: tables nest deeper than %d levels (does one contain itself?)", s->what, YL_TREE_DEPTH);
    luaL_checkstack(L, 8, "nested tables");
    if (!jsontype(L, index, &kind)) kind = table_kind(L, index);
    yl__check(L, yl__tree_new(s->document, kind, &tree));
    if (kind == YL_TREE_MAP) read_members(L, index, s, tree);
    for (lua_Integer i = 1, n = (lua_Integer)lua_rawlen(L, index); kind == YL_TREE_LIST && i <= n; i++) {
        lua_rawgeti(L, index, i);
        yl__tree_add(tree, read_value(L, lua_gettop(L), s));
        lua_pop(L, 1);
    }
    s->depth--;
    return tree;
}

static yl_tree *read_string(lua_State *L, int index, scan *s)
{
    yl_tree *tree;
    size_t length;
    const char *text = lua_tolstring(L, index, &length);
    yl__check(L, yl__tree_new(s->document, YL_TREE_STRING, &tree));
    yl__check(L, yl__tree_copy(s->document, text, (int64_t)length, &tree->text));
    tree->length = (int64_t)length;
    return tree;
}

static yl_tree *read_value(lua_State *L, int index, scan *s)
{
    static const yl_tree_kind kinds[LUA_NUMTYPES] = {[LUA_TBOOLEAN] = YL_TREE_BOOL, [LUA_TNUMBER] = YL_TREE_NUMBER};
    int type = lua_type(L, index);
    yl_tree *tree;
    if (type == LUA_TTABLE) return read_table(L, index, s);
    if (type == LUA_TSTRING) return read_string(L, index, s);
    bool null = type == LUA_TNIL || (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index));
    if (!null && type != LUA_TBOOLEAN && type != LUA_TNUMBER)
        yl__error(L, "%s: expected plain data (tables, strings, numbers, booleans, null), got a %s", s->what,
                  lua_typename(L, type));
    yl__check(L, yl__tree_new(s->document, null ? YL_TREE_NULL : kinds[type], &tree));
    tree->boolean = lua_toboolean(L, index);
    tree->number = lua_tonumber(L, index);
    if (lua_isinteger(L, index)) {
        tree->kind = YL_TREE_INTEGER;
        tree->integer = lua_tointeger(L, index);
    }
    return tree;
}

void yl__read_tree(lua_State *L, int index, const char *what, yl_document *document)
{
    scan s = {.what = what, .document = document};
    document->root = read_value(L, lua_absindex(L, index), &s);
}

/* ---- to Lua ---- */

static void push_map(lua_State *L, const yl_tree *tree)
{
    lua_createtable(L, 0, (int)(tree->count < 1024 ? tree->count : 1024));
    for (const yl_tree *child = tree->first; child; child = child->next) {
        lua_pushlstring(L, child->key, (size_t)child->key_length);
        yl__push_tree(L, child);
        lua_rawset(L, -3);
    }
    if (tree->count > 0) return;
    if (luaL_newmetatable(L, EMPTY_MAP)) {
        lua_pushliteral(L, "object");
        lua_setfield(L, -2, "__jsontype");
    }
    lua_setmetatable(L, -2);
}

static void push_list(lua_State *L, const yl_tree *tree)
{
    lua_Integer i = 0;
    lua_createtable(L, (int)(tree->count < 1024 ? tree->count : 1024), 0);
    for (const yl_tree *child = tree->first; child; child = child->next) {
        yl__push_tree(L, child);
        lua_rawseti(L, -2, ++i);
    }
}

void yl__push_tree(lua_State *L, const yl_tree *tree)
{
    luaL_checkstack(L, 8, "nested values");
    switch (tree->kind) {
    case YL_TREE_NULL:
        lua_pushlightuserdata(L, NULL);
        break;
    case YL_TREE_BOOL:
        lua_pushboolean(L, tree->boolean);
        break;
    case YL_TREE_INTEGER:
        lua_pushinteger(L, tree->integer);
        break;
    case YL_TREE_NUMBER:
        lua_pushnumber(L, tree->number);
        break;
    case YL_TREE_STRING:
        lua_pushlstring(L, tree->text, (size_t)tree->length);
        break;
    case YL_TREE_LIST:
        push_list(L, tree);
        break;
    case YL_TREE_MAP:
        push_map(L, tree);
        break;
    }
}
