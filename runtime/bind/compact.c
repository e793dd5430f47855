/* Compaction for Lua: a smaller network that computes the same. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "prune/compact.h"

/* core.compact(net, {round_to=, min_channels=}) -> a new network without the channels that are zero or read by nobody */
static int compact_run(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl__check_keys(L, 2, YL__KEYS("round_to", "min_channels"));
    yl_compact_options o = {yl__field_integer(L, 2, "round_to", 1), yl__field_integer(L, 2, "min_channels", 1)};
    yl_net *made;
    yl__check(L, yl_net_compact(net, &o, &made));
    yl__push_net(L, made);
    return 1;
}

void yl__bind_compact(lua_State *L)
{
    static const luaL_Reg functions[] = {{"compact", compact_run}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
