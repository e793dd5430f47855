/* Compaction for Lua: a smaller network that computes the same. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "prune/compact.h"

/* core.compact(net, {fields of "compact"}) -> a new network without the channels that are zero or read by nobody */
static int compact_run(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_compact_options o;
    yl__read_options(L, 2, YL__FILL({&yl_compact_fields, &o}), NULL);
    yl_net *made;
    yl__check(L, yl_net_compact(net, &o, &made));
    yl__push_net(L, made);
    return 1;
}

void yl__bind_compact(lua_State *L)
{
    static const luaL_Reg functions[] = {{"compact", compact_run}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
    yl__offer_fields(L, &yl_compact_fields);
}
