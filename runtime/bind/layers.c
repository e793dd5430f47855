/* core.layers: which kinds of layers there are and what options they take, for help pages and editors. */
#include "bind/option_objects.h"
#include "layers/layer.h"

#include <math.h>
#include <string.h>

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

static void set_limit(lua_State *L, const char *name, double limit)
{
    if (!isfinite(limit)) return;
    lua_pushnumber(L, limit);
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

/* {key, type, default, unit, help, min=, max=, choices=, aliases=}, the default as text */
static void push_field(lua_State *L, const yl_field *f)
{
    const char *const texts[] = {f->key, yl__option_types[f->type], f->fallback, f->unit, f->help};
    lua_newtable(L);
    for (int i = 0; i < 5; i++) {
        lua_pushstring(L, texts[i]); /* NULL: nil */
        lua_rawseti(L, -2, i + 1);
    }
    if (f->min != 0 || f->max != 0) {
        set_limit(L, "min", f->min);
        set_limit(L, "max", f->max);
    }
    if (f->type == YL_OPTION_ENUM) push_choices(L, f);
    if (f->aliases) push_aliases(L, f->aliases);
}

/* layers.fields(kind) -> the kind's field table, or nil where there is no such kind */
static int layers_fields(lua_State *L)
{
    const yl_layer_kind *kind = yl_layer_find(yl__check_string(L, 1));
    if (!kind) return 0;
    lua_newtable(L);
    for (int64_t i = 0; kind->fields && i < kind->fields->count; i++) {
        push_field(L, &kind->fields->fields[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* layers.kind(name) -> {name, stem, help, head = true: its output is read as boxes}, or nil where there is no such kind */
static int layers_kind(lua_State *L)
{
    const yl_layer_kind *kind = yl_layer_find(yl__check_string(L, 1));
    if (!kind) return 0;
    lua_newtable(L);
    lua_pushstring(L, kind->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, kind->stem), lua_setfield(L, -2, "stem");
    lua_pushstring(L, kind->help), lua_setfield(L, -2, "help"); /* NULL: nil */
    lua_pushboolean(L, kind->head != NULL), lua_setfield(L, -2, "head");
    return 1;
}

/* layers.kinds() -> their names, in the order of layers.def, then those that were registered */
static int layers_kinds(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; yl_layer_at(i); i++) {
        lua_pushstring(L, yl_layer_at(i)->name);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void yl__bind_layers(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"fields", layers_fields}, {"kind", layers_kind}, {"kinds", layers_kinds}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "layers");
}
