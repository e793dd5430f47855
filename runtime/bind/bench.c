/* core.noise: an input for timing, made without a table of numbers that would show in the memory figures. */
#include "bind/net_objects.h"
#include "core/memory.h"
#include "core/rng.h"

/* noise(plan, seed): uniform values in [0, 1) into the plan's input */
static int bench_noise(lua_State *L)
{
    yl_plan *plan = yl__idle_plan(L, 1, "noise");
    lua_getiuservalue(L, 1, 1);
    yl_net *net = yl__check_net(L, lua_gettop(L));
    yl_rng rng = yl_rng_make((uint64_t)luaL_optinteger(L, 2, 1), 0, 0);
    const yl_plan_options *o = yl_plan_get_options(plan);
    int64_t count = o->batch * o->h * o->w * net->c;
    float *values;
    if (!yl_plan_input(plan)) return luaL_error(L, "noise: this plan has no input of its own");
    yl__check(L, yl__alloc(count, sizeof *values, &values));
    for (int64_t i = 0; i < count; i++) values[i] = (float)yl_rng_uniform(&rng);
    yl_status status = net->device->to_device(net->device, yl_plan_input(plan), values, (size_t)count * sizeof *values);
    yl__free(values);
    yl__check(L, status);
    return 0;
}

void yl__bind_bench(lua_State *L)
{
    lua_pushcfunction(L, bench_noise);
    lua_setfield(L, -2, "noise");
}
