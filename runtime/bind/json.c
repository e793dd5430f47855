/* core.json and core.null. */
#include "bind/tree.h"
#include "formats/json.h"

/* json.encode(value [, {pretty = boolean}]) -> text: keys sorted, numbers exact, NaN and core.null as null. */
static int json_encode(lua_State *L)
{
    bool pretty = false;
    yl__check_any(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        yl__check_type(L, 2, LUA_TTABLE);
        lua_getfield(L, 2, "pretty");
        pretty = lua_toboolean(L, -1);
    }
    yl_document *document = yl__push_document(L);
    yl_text *text = yl__push_text(L);
    yl__read_tree(L, 1, "json.encode", document);
    yl__check(L, yl__json_encode(document->root, pretty, text));
    lua_pushlstring(L, text->data, (size_t)text->length);
    return 1;
}

/* json.decode(text [, where = "json"]) -> value. Throws one sentence: where, line, byte, expected, got. */
static int json_decode(lua_State *L)
{
    size_t size;
    const char *bytes = yl__check_text(L, 1, &size), *where = yl__opt_string(L, 2, "json");
    yl_document *document = yl__push_document(L);
    yl__check(L, yl__json_decode(bytes, (int64_t)size, where, document));
    yl__push_tree(L, document->root);
    return 1;
}

void yl__bind_json(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", json_encode}, {"decode", json_decode}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "json");
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
}
