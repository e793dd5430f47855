/* core.yaml. */
#include "bind/tree.h"
#include "formats/yaml.h"

/* yaml.encode(value) -> text, block style, keys sorted. */
static int yaml_encode(lua_State *L)
{
    yl__check_any(L, 1);
    yl_document *document = yl__push_document(L);
    yl_text *text = yl__push_text(L);
    yl__read_tree(L, 1, "yaml.encode", document);
    yl__check(L, yl__yaml_encode(document->root, text));
    lua_pushlstring(L, text->data, (size_t)text->length);
    return 1;
}

/* Adds "optim.lr" = line, "steps[2]" = line ... for everything below `tree`, whose path lies on top of the stack. */
static void push_lines(lua_State *L, int lines, const yl_tree *tree)
{
    lua_Integer i = 0;
    const char *prefix = lua_tostring(L, -1);
    luaL_checkstack(L, 4, "nested values");
    for (const yl_tree *child = tree->first; child; child = child->next) {
        if (child->key)
            lua_pushfstring(L, "%s%s%s", prefix, *prefix ? "." : "", child->key);
        else
            lua_pushfstring(L, "%s[%I]", prefix, (LUAI_UACINT)++i);
        lua_pushvalue(L, -1);
        lua_pushinteger(L, child->line);
        lua_rawset(L, lines);
        push_lines(L, lines, child);
        lua_pop(L, 1);
    }
}

/* yaml.decode(text [, path = "yaml"]) -> value, lines. `lines` maps the path of every member ("optim.lr", "steps[2]")
 * to its line, so that later complaints can name it. Throws one sentence: path:line:column, what. */
static int yaml_decode(lua_State *L)
{
    size_t size;
    const char *bytes = yl__check_text(L, 1, &size), *path = yl__opt_string(L, 2, "yaml");
    yl_document *document = yl__push_document(L);
    yl__check(L, yl__yaml_decode(bytes, (int64_t)size, path, document));
    yl__push_tree(L, document->root);
    lua_newtable(L);
    lua_pushliteral(L, "");
    push_lines(L, lua_gettop(L) - 1, document->root);
    lua_pop(L, 1);
    return 2;
}

void yl__bind_yaml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"encode", yaml_encode}, {"decode", yaml_decode}, {NULL, NULL}};
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "yaml");
}
