/* What every binding shares, and the embedded library's searcher. */
#define _GNU_SOURCE
#include "bind/bind.h"
#include "core/file.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

lua_Integer yl__check_list(lua_State *L, int index, const char *what)
{
    if (!lua_istable(L, index)) yl__error(L, "%s: expected a list, got %s", what, yl__shown(L, index));
    index = lua_absindex(L, index);
    lua_Integer count = (lua_Integer)lua_rawlen(L, index), seen = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        bool place = lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && lua_tointeger(L, -2) <= count;
        if (!place) yl__error(L, "%s: expected a list, got a table with the key %s", what, yl__shown(L, -2));
        seen++;
    }
    if (seen != count) yl__error(L, "%s: expected a list without holes, got %I values in %I places", what, seen, count);
    return count;
}

const char **yl__check_texts(lua_State *L, int index, const char *what, int64_t *count)
{
    if (!lua_istable(L, index)) yl__error(L, "%s: expected a list of texts, got %s", what, yl__shown(L, index));
    index = lua_absindex(L, index);
    *count = (int64_t)yl__length(L, index);
    const char **texts = lua_newuserdatauv(L, sizeof *texts * (size_t)(*count + 1), 0);
    for (int64_t i = 0; i < *count; i++) {
        if (lua_rawgeti(L, index, (lua_Integer)i + 1) != LUA_TSTRING)
            yl__error(L, "%s %I: expected a text, got %s", what, (LUAI_UACINT)i + 1, luaL_typename(L, -1));
        texts[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    texts[*count] = NULL;
    return texts;
}

void yl__set_numbers(lua_State *L, const char *key, const double *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_pushnumber(L, values[i]);
        lua_rawseti(L, -2, i + 1);
    }
    lua_setfield(L, -2, key);
}

/* A generational collector looks at old objects only when Lua's own heap has grown by its share, and off-heap memory is no part of
 * that: garbage that grew old would pile up. So a whole collection comes here when that memory, with Lua's, has grown by half since
 * the last one. Where the collector works in steps, and is told of what tensors weigh (yl__gc_debt), it rarely comes to that. */
static void collect_all(lua_State *L)
{
    enum { LEAST = 16 << 20 };
    static _Thread_local int64_t after; /* what was held after the last one */
    int64_t held = yl__alloc_held(), heap = (int64_t)lua_gc(L, LUA_GCCOUNT) << 10, spare = (after + heap) / 2;
    if (held < after) after = held;
    if (held - after <= (spare > LEAST ? spare : LEAST)) return;
    lua_gc(L, LUA_GCCOLLECT);
    after = yl__alloc_held();
}

void **yl__new_object(lua_State *L, const char *class_name)
{
    collect_all(L);
    yl__box *box = lua_newuserdatauv(L, sizeof *box, 1);
    *box = (yl__box){NULL, 0};
    luaL_setmetatable(L, class_name);
    return &box->object;
}

int yl__try_push(lua_State *L, lua_CFunction push, void *data)
{
    lua_pushcfunction(L, push);
    lua_pushlightuserdata(L, data);
    return lua_pcall(L, 1, 1, 0);
}

typedef struct bytes {
    const void *data;
    int64_t size;
} bytes;

static int push_text(lua_State *L)
{
    const bytes *b = lua_touserdata(L, 1);
    lua_pushlstring(L, b->data, (size_t)b->size);
    return 1;
}

void yl__push_bytes(lua_State *L, void *data, int64_t size)
{
    int bad = yl__try_push(L, push_text, &(bytes){data, size});
    yl__free(data);
    if (bad) lua_error(L);
}

void yl__working(lua_State *L, int index, int by)
{
    ((yl__box *)lua_touserdata(L, index))->working += by;
}

yl__box *yl__idle(lua_State *L, int index, const char *class_name, const char *what)
{
    yl__box *box = yl__check_object(L, index, class_name);
    if (box->working)
        yl__error(L, "%s: the %s is in the middle of its work here; do this before it begins or after it has ended",
                  what, yl__word(class_name));
    return box;
}

void *yl__object(lua_State *L, int index, const char *class_name)
{
    void **box = yl__check_object(L, index, class_name);
    if (!*box) yl__error(L, "the %s is closed", yl__word(class_name));
    return *box;
}

void yl__check_keys(lua_State *L, int index, const char *const *known)
{
    int64_t count = 0;
    yl__check_type(L, index, LUA_TTABLE);
    while (known[count]) count++;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(not a name)", *near;
        bool found = false;
        for (int64_t i = 0; i < count && !found; i++) found = strcmp(known[i], key) == 0;
        if (found) continue;
        near = yl__nearest(key, known, count);
        yl__error(L, near ? "unknown option '%s', did you mean '%s'?" : "unknown option '%s'", key, near);
    }
}

/* "a network has no 'fourward', did you mean 'forward'?": the methods are in the table at `methods`, the key is at 2. */
static int no_method(lua_State *L, int methods, const char *word)
{
    const char *key = luaL_tolstring(L, 2, NULL);
    char foreign[YL_FOREIGN_TEXT];
    if (yl__foreign(word, key, foreign)) return yl__error(L, "a %s has no '%s'%s", word, key, foreign);
    yl_nearest nearest = yl__nearest_to(key);
    for (lua_pushnil(L); lua_next(L, methods); lua_pop(L, 1)) {
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "_";
        if (name[0] != '_') yl__nearer(&nearest, name, name);
    }
    return yl__error(L, "a %s has no '%s'%s%s%s", word, key, nearest.found ? ", did you mean '" : "",
                     nearest.found ? nearest.found : "", nearest.found ? "'?" : "");
}

int yl__find_method(lua_State *L, const char *class_name)
{
    luaL_getmetatable(L, class_name);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, -2) != LUA_TNIL) return 1;
    return no_method(L, lua_gettop(L) - 1, yl__word(class_name));
}

/* __index of the methods themselves: a name that is not there */
static int unknown_method(lua_State *L)
{
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strncmp(key, "__", 2) == 0) return 0; /* who looks for a metamethod gets nil */
    return no_method(L, 1, lua_tostring(L, lua_upvalueindex(1)));
}

static int no_field(lua_State *L)
{
    return yl__error(L, "a %s has no field '%s' to set", lua_tostring(L, lua_upvalueindex(1)),
                     luaL_tolstring(L, 2, NULL));
}

static bool has_own(lua_State *L, const char *key)
{
    lua_pushstring(L, key);
    bool own = lua_rawget(L, -2) != LUA_TNIL;
    lua_pop(L, 1);
    return own;
}

/* A class without an __index of its own looks a name up in its methods; theirs says that there is none. */
static void add_refusals(lua_State *L, const char *word)
{
    if (!has_own(L, "__newindex")) {
        lua_pushstring(L, word);
        lua_pushcclosure(L, no_field, 1);
        lua_setfield(L, -2, "__newindex");
    }
    if (has_own(L, "__index")) return;
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "__index");
    lua_createtable(L, 0, 1);
    lua_pushstring(L, word);
    lua_pushcclosure(L, unknown_method, 1);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void yl__class(lua_State *L, const char *class_name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, class_name);
    luaL_setfuncs(L, methods, 0);
    add_refusals(L, yl__word(class_name));
    lua_pushboolean(L, false); /* getmetatable() gives this: __gc is nothing to call by hand */
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

void yl__add_methods(lua_State *L, const char *class_name, const luaL_Reg *methods)
{
    luaL_getmetatable(L, class_name);
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 1);
}

static const yl_embedded_file *embedded(const char *name)
{
    const yl_embedded_file *const tables[] = {yl__embedded, yl__embedded_models};
    for (int i = 0; i < 2; i++)
        for (const yl_embedded_file *f = tables[i]; f->name; f++)
            if (strcmp(f->name, name) == 0) return f;
    return NULL;
}

/* embedded(name) -> the text of a file that the program carries ("datasets/maps.yaml", "recipes/models/street.weights");
 * YOLUA_PATH goes first. */
static int push_embedded(lua_State *L)
{
    char *data;
    int64_t size;
    const char *name = yl__check_string(L, 1), *folder = getenv("YOLUA_PATH");
    if (folder && yl__file_read(lua_pushfstring(L, "%s/%s", folder, name), &data, &size) == YL_OK) {
        yl__push_bytes(L, data, size);
        return 1;
    }
    const yl_embedded_file *f = embedded(name);
    if (!f) return yl__error(L, "the program carries no file '%s'", name);
    lua_pushlstring(L, f->bytes, f->size);
    return 1;
}

int luaopen_yolua_core(lua_State *L)
{
    lua_newtable(L);
    lua_pushliteral(L, YL_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushcfunction(L, push_embedded);
    lua_setfield(L, -2, "embedded");
#define M(name) yl__bind_##name(L);
#include "bind/modules.def"
#undef M
    return 1;
}

/* "yolua.policies.keep" -> lua/yolua/policies/keep.lua, "yolua.datasets.kitti" -> datasets/kitti.lua */
static void module_file(const char *module, const char *suffix, char *out, size_t size)
{
    bool dataset = strncmp(module, "yolua.datasets.", 15) == 0;
    snprintf(out, size, "%s%s", dataset ? "datasets/" : "lua/", dataset ? module + 15 : module);
    for (char *p = out; *p; p++)
        if (*p == '.') *p = '/';
    strncat(out, suffix, size - strlen(out) - 1);
}

static int load_from_folder(lua_State *L, const char *folder, const char *name)
{
    char *data;
    int64_t size;
    const char *path = lua_pushfstring(L, "%s/%s", folder, name), *chunk = lua_pushfstring(L, "@yolua/%s", name);
    if (yl__file_read(path, &data, &size) != YL_OK) return 0;
    int bad = luaL_loadbuffer(L, data, (size_t)size, chunk);
    yl__free(data);
    if (bad) lua_error(L);
    lua_pushstring(L, path);
    return 2;
}

static int search_library(lua_State *L)
{
    static const char *const suffixes[] = {".lua", "/init.lua"};
    const char *module = yl__check_string(L, 1), *folder = getenv("YOLUA_PATH");
    for (int i = 0; i < 2; i++) {
        char name[256];
        module_file(module, suffixes[i], name, sizeof name);
        if (folder && load_from_folder(L, folder, name)) return 2;
        const yl_embedded_file *f = embedded(name);
        if (!f) continue;
        if (luaL_loadbuffer(L, f->bytes, f->size, lua_pushfstring(L, "@yolua/%s", name)) != LUA_OK) lua_error(L);
        lua_pushstring(L, name);
        return 2;
    }
    lua_pushfstring(L, "no embedded module '%s'", module);
    return 1;
}

void yl__open_library(lua_State *L)
{
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    lua_pushcfunction(L, luaopen_yolua_core);
    lua_setfield(L, -2, "yolua.core");
    lua_pop(L, 1);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "searchers");
    lua_Integer n = yl__length(L, -1);
    for (lua_Integer i = n; i >= 2; i--) { /* after preload, before the file searcher */
        lua_rawgeti(L, -1, i);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushcfunction(L, search_library);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 2);
}
