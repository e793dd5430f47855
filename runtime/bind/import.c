/* core.import: a network's numbers out of files of other programs. */
#include "bind/net_objects.h"
#include "formats/state_dict.h"

/* core.import.state_dict(net, path): from safetensors; formats/state_dict.h says what it must hold */
static int import_state_dict(lua_State *L)
{
    yl__check(L, yl_state_dict_load(yl__check_net(L, 1), yl__check_string(L, 2)));
    return 0;
}

void yl__bind_import(lua_State *L)
{
    static const luaL_Reg functions[] = {{"state_dict", import_state_dict}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "import");
}
