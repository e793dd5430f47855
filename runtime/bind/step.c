/* The optimizer step for Lua, and the norm of the gradient before it. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "net/step.h"

/* core.step(net, {fields of "step"}) -> norm of the gradient per image */
static int step_run(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_step_options o;
    yl__read_options(L, 2, YL__FILL({&yl_step_fields, &o}), NULL);
    double norm;
    yl__check(L, yl_net_step(net, &o, &norm));
    lua_pushnumber(L, norm);
    return 1;
}

/* core.gradient_norm(net) -> the norm of the gradient as it is summed up, over what learns; gradients of masked weights become zero */
static int step_gradient_norm(lua_State *L)
{
    double norm;
    yl__check(L, yl_net_gradient_norm(yl__check_net(L, 1), &norm));
    lua_pushnumber(L, norm);
    return 1;
}

/* core.unscale(net, scale): divides the gradient by the loss scale -> whether all of it is finite */
static int step_unscale(lua_State *L)
{
    bool finite;
    yl__check(L, yl_net_unscale(yl__check_net(L, 1), yl__check_number(L, 2), &finite));
    lua_pushboolean(L, finite);
    return 1;
}

void yl__bind_step(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"step", step_run},
        {"gradient_norm", step_gradient_norm},
        {"unscale", step_unscale},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    yl__offer_fields(L, &yl_step_fields);
}
