/* The optimizer step for Lua, and the norm of the gradient before it. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "net/step.h"

#include <math.h>

/* core.step(net, {rule=, lr=, momentum=, decay=, beta1=, beta2=, epsilon=, nesterov=, clip=, images=, ema=}) -> norm */
static int step_run(lua_State *L)
{
    static const char *const rules[] = {"sgd", "adam", "adamw", "apply", NULL};
    yl_net *net = yl__check_net(L, 1);
    yl__check_keys(
        L, 2,
        YL__KEYS("rule", "lr", "momentum", "decay", "beta1", "beta2", "epsilon", "nesterov", "clip", "images", "ema"));
    yl_step_options o = {
        .rule = (yl_rule)yl__field_choice(L, 2, "rule", rules),
        .nesterov = yl__field_boolean(L, 2, "nesterov", false),
        .lr = yl__field_number(L, 2, "lr", NAN),
        .momentum = yl__field_number(L, 2, "momentum", 0.9),
        .decay = yl__field_number(L, 2, "decay", 0),
        .beta1 = yl__field_number(L, 2, "beta1", 0.9),
        .beta2 = yl__field_number(L, 2, "beta2", 0.999),
        .epsilon = yl__field_number(L, 2, "epsilon", 1e-8),
        .clip = yl__field_number(L, 2, "clip", 0),
        .images = yl__field_integer(L, 2, "images", 1),
        .ema = yl__field_number(L, 2, "ema", 0),
    };
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

void yl__bind_step(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"step", step_run},
        {"gradient_norm", step_gradient_norm},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
