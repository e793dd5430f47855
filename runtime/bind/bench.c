/* core.noise: an input for timing, made without a table of numbers that would show in the memory figures. */
#include "bind/net_objects.h"
#include "core/memory.h"
#include "core/rng.h"

/* noise(plan, seed): uniform values in [0, 1) into the plan's input */
static int bench_noise(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_rng rng = yl_rng_make((uint64_t)yl__opt_integer(L, 2, 1), 0, 0);
    int64_t count = yl_shape_count(yl_plan_shape(plan, -1));
    float *values;
    yl__check(L, yl__alloc(count, sizeof *values, &values));
    for (int64_t i = 0; i < count; i++) values[i] = (float)yl_rng_uniform(&rng);
    yl_status status = yl_plan_feed(plan, values);
    yl__free(values);
    yl__check(L, status);
    return 0;
}

void yl__bind_bench(lua_State *L)
{
    lua_pushcfunction(L, bench_noise);
    lua_setfield(L, -2, "noise");
}
