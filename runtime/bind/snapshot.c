/* Snapshots of networks for Lua. */
#include "bind/net_objects.h"

#define SNAPSHOT_CLASS "yolua.snapshot"

/* core.snapshot(net) -> snapshot of its numbers, masks and optimizer state, in memory */
static int snapshot_take(lua_State *L)
{
    yl_snapshot *s;
    yl_net *net = yl__check_net(L, 1);
    void **box = yl__new_object(L, SNAPSHOT_CLASS);
    yl__check(L, yl_net_snapshot(net, &s));
    *box = s;
    return 1;
}

/* snapshot:restore(net): everything in the network is as it was */
static int snapshot_restore(lua_State *L)
{
    yl__check(L, yl_net_rollback(yl__check_net(L, 2), yl__object(L, 1, SNAPSHOT_CLASS)));
    return 0;
}

static int snapshot_end(lua_State *L)
{
    void **box = yl__check_object(L, 1, SNAPSHOT_CLASS);
    yl_snapshot_free(*box);
    *box = NULL;
    return 0;
}

void yl__bind_snapshot(lua_State *L)
{
    static const luaL_Reg methods[] = {{"restore", snapshot_restore},
                                       {"close", snapshot_end},
                                       {"__gc", snapshot_end},
                                       {"__close", snapshot_end},
                                       {NULL, NULL}};
    yl__class(L, SNAPSHOT_CLASS, methods);
    lua_pushcfunction(L, snapshot_take);
    lua_setfield(L, -2, "snapshot");
}
