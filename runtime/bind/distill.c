/* One network teaches another, for Lua. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "net/distill.h"

/* plan:feed_from(plan): takes the input that another network's plan was given */
static int plan_feed_from(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "feed_from");
    yl__check(L, yl_plan_feed_from(plan, yl__check_plan(L, 2)));
    return 0;
}

/* plan:distill(teacher's plan, {fields of "distill"}) -> {box=, object=, noobject=, class=, features=}: sums over the images */
static int plan_distill(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1), *teacher = yl__check_plan(L, 2);
    yl_distill_loss loss;
    yl_distill_options o;
    yl__read_options(L, 3, YL__FILL({&yl_distill_fields, &o}), NULL);
    yl__check(L, yl_plan_distill(plan, teacher, &o, &loss));
    lua_createtable(L, 0, YL_PART_ATTRIBUTES + 1);
    for (int k = 0; k < YL_PART_ATTRIBUTES; k++) {
        lua_pushnumber(L, loss.heads[k]);
        lua_setfield(L, -2, yl__head_parts[k]);
    }
    lua_pushnumber(L, loss.features);
    lua_setfield(L, -2, "features");
    return 1;
}

/* net:check_teacher(teacher, h, w [, layer]): refuses one that cannot teach it; of its heads, or of the output of that layer */
static int net_check_teacher(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1), *teacher = yl__check_net(L, 2);
    int64_t h = yl__check_integer(L, 3), w = yl__check_integer(L, 4);
    const char *layer = yl__opt_string(L, 5, NULL);
    yl__check(L, layer ? yl_net_check_feature(net, teacher, layer, h, w) : yl_net_check_teacher(net, teacher, h, w));
    return 0;
}

void yl__bind_distill(lua_State *L)
{
    static const luaL_Reg of_plan[] = {{"feed_from", plan_feed_from}, {"distill", plan_distill}, {NULL, NULL}};
    static const luaL_Reg of_net[] = {{"check_teacher", net_check_teacher}, {NULL, NULL}};
    yl__add_methods(L, YL_PLAN_CLASS, of_plan);
    yl__add_methods(L, YL_NET_CLASS, of_net);
    yl__offer_fields(L, &yl_distill_fields);
}
