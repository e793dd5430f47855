/* The confusion matrix of an evaluation set for Lua. */
#include "bind/eval_rows.h"
#include "eval/confusion.h"

static void push_matrix(lua_State *L, const int64_t *cells, int64_t n)
{
    lua_createtable(L, (int)n, 0);
    for (int64_t r = 0; r < n; r++) {
        lua_createtable(L, (int)n, 0);
        for (int64_t c = 0; c < n; c++) {
            lua_pushinteger(L, cells[r * n + c]);
            lua_rawseti(L, -2, (lua_Integer)c + 1);
        }
        lua_rawseti(L, -2, (lua_Integer)r + 1);
    }
}

/* set:confusion{fields of "confusion", classes = } -> {classes = {name, ..., "background"}, matrix = [truth][seen]} */
static int set_confusion(lua_State *L)
{
    yl_confusion_options o;
    const yl_eval_set *set = yl__eval_arguments(L, &yl_confusion_fields, &o);
    yl_eval_classes classes = yl__eval_classes_option(L, 2, &yl_classes_kitti);
    int64_t n = classes.count + 1, *cells = yl__row_scratch(L, n * n, sizeof *cells);
    yl__check(L, yl_eval_confusion(set, &classes, &o, cells));
    lua_newtable(L);
    push_matrix(L, cells, n);
    lua_setfield(L, -2, "matrix");
    lua_createtable(L, (int)n, 0);
    for (int64_t i = 0; i < n; i++) {
        lua_pushstring(L, i < classes.count ? classes.at[i].name : "background");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "classes");
    yl__set_option(L, &yl_confusion_fields, "iou", &o);
    yl__set_option(L, &yl_confusion_fields, "score", &o);
    return 1;
}

void yl__bind_confusion(lua_State *L)
{
    static const luaL_Reg methods[] = {{"confusion", set_confusion}, {NULL, NULL}};
    yl__add_methods(L, yl__eval_set_class, methods);
    yl__offer_fields(L, &yl_confusion_fields);
}
