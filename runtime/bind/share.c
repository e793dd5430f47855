/* net:share: the gradients of a step, summed over ranks and passes. */
#include "bind/net_objects.h"
#include "net/share.h"

#define SHARE_CLASS "yolua.share"

/* net:share{fields of "share"} -> a share: from now on, until it is closed, the network's backward passes give it their gradients */
static int net_share(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_share_options options;
    yl__read_options(L, 2, YL__FILL({&yl_share_fields, &options}), NULL);
    void **box = yl__new_object(L, SHARE_CLASS);
    yl_share *share;
    yl__check(L, yl_share_create(net, &options, &share));
    *box = share;
    return 1;
}

/* share:gather(): after the step's last backward pass, the network's gradient is the sum */
static int share_gather(lua_State *L)
{
    yl__check(L, yl_share_gather(yl__object(L, 1, SHARE_CLASS)));
    return 0;
}

/* share:forget(): what a step that was broken off left */
static int share_forget(lua_State *L)
{
    yl_share_forget(yl__object(L, 1, SHARE_CLASS));
    return 0;
}

static int share_end(lua_State *L)
{
    void **box = yl__check_object(L, 1, SHARE_CLASS);
    yl_share_free(*box);
    *box = NULL;
    return 0;
}

void yl__bind_share(lua_State *L)
{
    static const luaL_Reg methods[] = {{"gather", share_gather}, {"forget", share_forget}, {"close", share_end},
                                       {"__gc", share_end},      {"__close", share_end},   {NULL, NULL}};
    static const luaL_Reg of_net[] = {{"share", net_share}, {NULL, NULL}};
    yl__class(L, SHARE_CLASS, methods);
    yl__add_methods(L, YL_NET_CLASS, of_net);
    yl__offer_fields(L, &yl_share_fields);
}
