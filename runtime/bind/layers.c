/* core.layers: which kinds of layers there are and what options they take, for help pages and editors. */
#include "bind/fields.h"
#include "layers/layer.h"

/* layers.fields(kind) -> the kind's field table, or nil where there is no such kind */
static int layers_fields(lua_State *L)
{
    const yl_layer_kind *kind = yl_layer_find(yl__check_string(L, 1));
    if (!kind) return 0;
    yl__push_fields(L, kind->fields);
    return 1;
}

/* layers.kind(name) -> {name, stem, help, head = true: its output is read as boxes, loss = true: it has one}, or nil where there is no such kind */
static int layers_kind(lua_State *L)
{
    const yl_layer_kind *kind = yl_layer_find(yl__check_string(L, 1));
    if (!kind) return 0;
    lua_newtable(L);
    lua_pushstring(L, kind->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, kind->stem), lua_setfield(L, -2, "stem");
    lua_pushstring(L, kind->help), lua_setfield(L, -2, "help"); /* NULL: nil */
    lua_pushboolean(L, kind->head != NULL), lua_setfield(L, -2, "head");
    lua_pushboolean(L, kind->loss_parts != NULL), lua_setfield(L, -2, "loss");
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

/* layers.attributes() -> the labels that a head can predict beside box and class, in their order: {{name, label (of rows and detections),
 * width = numbers per anchor, low, high (of known values), unknown}, ...} */
static int layers_attributes(lua_State *L)
{
    lua_newtable(L);
    for (int i = 0; i < YL_ATTRIBUTES; i++) {
        yl_attribute a = yl_attribute_at(i);
        lua_createtable(L, 0, 6);
        lua_pushstring(L, a.name), lua_setfield(L, -2, "name");
        lua_pushstring(L, a.label), lua_setfield(L, -2, "label");
        lua_pushinteger(L, a.width), lua_setfield(L, -2, "width");
        lua_pushnumber(L, a.low), lua_setfield(L, -2, "low");
        lua_pushnumber(L, a.high), lua_setfield(L, -2, "high");
        lua_pushnumber(L, a.unknown), lua_setfield(L, -2, "unknown");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

void yl__bind_layers(lua_State *L)
{
    static const luaL_Reg functions[] = {{"fields", layers_fields},
                                         {"kind", layers_kind},
                                         {"kinds", layers_kinds},
                                         {"attributes", layers_attributes},
                                         {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "layers");
}
