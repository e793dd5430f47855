/* The convolution algorithms that were chosen, as text for Lua. */
#include "bind/bind.h"
#include "bind/tree.h"
#include "backend/choices.h"

/* core.algorithms() -> the convolution algorithms that this process chose, as text; core.algorithms(text) takes such a text over */
static int algorithms_run(lua_State *L)
{
    if (!lua_isnoneornil(L, 1)) {
        yl__check(L, yl_choices_import(yl__check_string(L, 1), true));
        return 0;
    }
    yl_text *text = yl__push_text(L);
    yl__check(L, yl_choices_export("conv2d ", true, text));
    lua_pushstring(L, text->data ? text->data : "");
    return 1;
}

void yl__bind_algorithms(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"algorithms", algorithms_run},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
