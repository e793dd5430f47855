/* Parameters between networks, and what is known of them. */
#include "bind/net_objects.h"

#include <string.h>

/* core.copy_values(from, to, name [, slab_from, slab_to]): one parameter of equal count */
static int parameters_copy(lua_State *L)
{
    yl_net *from = yl__check_net(L, 1), *to = yl__check_net(L, 2);
    const char *name = yl__check_string(L, 3);
    int i = yl_net_find_range(from, name), k = yl_net_find_range(to, name);
    if (i < 0 || k < 0 || from->ranges[i].count != to->ranges[k].count)
        return yl__error(L, "parameter '%s' does not exist with one shape in both networks", name);
    yl_slab *source, *target;
    yl__check(L, yl_net_slab(from, yl__opt_string(L, 4, "value"), &source));
    yl__check(L, yl_net_slab(to, yl__opt_string(L, 5, "value"), &target));
    const yl_range *range = &to->ranges[k];
    const void *at = yl_net_at(source, &from->ranges[i]);
    if (!at || !yl_net_at(target, range) || source->dtype != target->dtype)
        return yl__error(L, "'%s' cannot be copied from slab '%s' to slab '%s'", name, source->name, target->name);
    size_t bytes = (size_t)range->count * yl_dtype_bytes(source->dtype);
    void *numbers = yl__scratch(L, bytes);
    yl__check(L, from->device->from_device(from->device, numbers, at, bytes));
    yl__check(L, yl__net_write(to, k, target, numbers));
    return 0;
}

/* core.copy_rows(from, to, name, {{to_row, from_row}, ...}): rows are the first axis of a parameter, 1-based */
static int parameters_copy_rows(lua_State *L)
{
    yl_net *from = yl__check_net(L, 1), *to = yl__check_net(L, 2);
    const char *name = yl__check_string(L, 3);
    yl__check_type(L, 4, LUA_TTABLE);
    int i = yl_net_find_range(from, name), k = yl_net_find_range(to, name);
    if (i < 0 || k < 0) return yl__error(L, "parameter '%s' does not exist in both networks", name);
    const yl_range *source = &from->ranges[i], *target = &to->ranges[k];
    int64_t row = source->count / source->dims[0];
    if (target->count / target->dims[0] != row) return yl__error(L, "%s: rows of different sizes", name);
    float *a = yl__scratch(L, (size_t)source->count * sizeof *a),
          *b = yl__scratch(L, (size_t)target->count * sizeof *b);
    char *source_at = yl_net_at(yl_net_has_slab(from, "value"), source),
         *target_at = yl_net_at(yl_net_has_slab(to, "value"), target);
    yl__check(L, from->device->from_device(from->device, a, source_at, (size_t)source->count * sizeof *a));
    yl__check(L, to->device->from_device(to->device, b, target_at, (size_t)target->count * sizeof *b));
    for (int64_t p = 1, n = yl__length(L, 4); p <= n; p++) {
        lua_rawgeti(L, 4, p);
        lua_rawgeti(L, -1, 1);
        lua_rawgeti(L, -2, 2);
        int64_t t = yl__check_integer(L, -2) - 1, f = yl__check_integer(L, -1) - 1;
        lua_pop(L, 3);
        if (t < 0 || f < 0 || t >= target->dims[0] || f >= source->dims[0])
            return yl__error(L, "%s: no such row", name);
        memcpy(b + t * row, a + f * row, (size_t)row * sizeof *b);
    }
    yl__check(L, yl__net_write(to, k, yl_net_has_slab(to, "value"), b));
    return 0;
}

/* core.nonzero(net [, name]) -> how many parameters are not exactly zero, of all or of one range */
static int parameters_nonzero(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int64_t count;
    if (lua_isnoneornil(L, 2))
        yl__check(L, yl_net_count_nonzero(net, &count));
    else {
        const char *name = yl__check_string(L, 2);
        int range = yl_net_find_range(net, name);
        if (range < 0) return yl__error(L, "the network has no parameter '%s'", name);
        yl__check(L, yl_net_range_nonzero(net, range, &count));
    }
    lua_pushinteger(L, count);
    return 1;
}

/* core.has_slab(net, name): whether anybody has asked for it yet */
static int parameters_has_slab(lua_State *L)
{
    lua_pushboolean(L, yl_net_has_slab(yl__check_net(L, 1), yl__check_string(L, 2)) != NULL);
    return 1;
}

void yl__bind_parameters(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"copy_values", parameters_copy},
        {"copy_rows", parameters_copy_rows},
        {"nonzero", parameters_nonzero},
        {"has_slab", parameters_has_slab},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
