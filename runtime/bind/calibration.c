/* Calibrations for Lua: what activations are, and what their bytes then stand for. */
#include "bind/net_objects.h"
#include "core/memory.h"
#include "formats/calibration.h"
#include "net/calibration.h"

#define HISTOGRAM_CLASS "yolua.histogram"

/* net:calibrate(text, where): with the text of a checkpoint's note (formats/calibration.h); `where` names it in errors */
static int net_calibrate(lua_State *L)
{
    yl__check(L, yl_calibration_decode(yl__check_net(L, 1), yl__check_string(L, 2), yl__check_string(L, 3)));
    return 0;
}

/* net:calibrated() -> whether it can run in int8: it has a calibration, of its weights as they are; else the sentence that says why not */
static int net_calibrated(lua_State *L)
{
    bool can = yl_calibration_check(yl__check_net(L, 1)) == YL_OK;
    lua_pushboolean(L, can);
    if (can) return 1;
    lua_pushstring(L, yl_error());
    return 2;
}

/* core.histogram() -> what is gathered of one activation */
static int histogram_new(lua_State *L)
{
    void **box = yl__new_object(L, HISTOGRAM_CLASS);
    yl_histogram *h;
    yl__check(L, yl__calloc(1, sizeof *h, &h));
    *box = h;
    return 1;
}

static int histogram_gone(lua_State *L)
{
    void **box = yl__check_object(L, 1, HISTOGRAM_CLASS);
    yl__free(*box);
    *box = NULL;
    return 0;
}

/* The numbers of a layer's output in a plan that has run (0: its input), of the first `images` of its batch. */
static const float *numbers_of(lua_State *L, int64_t *count)
{
    yl_plan *plan = yl__check_plan(L, 2);
    yl_view view;
    lua_getiuservalue(L, 2, 1);
    yl_net *net = yl__check_net(L, lua_gettop(L));
    yl__check(L, yl_plan_output(plan, yl__check_layer(L, net, 3), &view));
    if (!view.data) yl__error(L, "the plan does not keep the output of that layer");
    float *numbers = yl__scratch(L, (size_t)yl_shape_count(view.shape) * sizeof *numbers);
    yl__check(L, yl_view_read(net->device, view, numbers));
    *count = yl_shape_count(view.shape) / view.shape.n * yl__check_integer(L, 4);
    return numbers;
}

/* histogram:extremes(plan, layer, images): the smallest and largest number of the first `images` of the plan's batch, and of what was there
 * before */
static int histogram_extremes(lua_State *L)
{
    int64_t count;
    yl_histogram *h = yl__object(L, 1, HISTOGRAM_CLASS);
    const float *numbers = numbers_of(L, &count);
    yl__check(L, yl_histogram_extremes(h, count, numbers));
    return 0;
}

/* histogram:add(plan, layer, images): counts them between the extremes */
static int histogram_add(lua_State *L)
{
    int64_t count;
    yl_histogram *h = yl__object(L, 1, HISTOGRAM_CLASS);
    const float *numbers = numbers_of(L, &count);
    yl_histogram_add(h, count, numbers);
    return 0;
}

/* histogram:range(method, share) -> low, high; methods: "minmax", "percentile", "mse", "kl" */
static int histogram_range(lua_State *L)
{
    static const char *const methods[] = {"minmax", "percentile", "mse", "kl", NULL};
    double low, high;
    yl_histogram *h = yl__object(L, 1, HISTOGRAM_CLASS);
    yl_histogram_range(h, (yl_range_method)yl__check_option(L, 2, NULL, methods), yl__check_number(L, 3), &low, &high);
    lua_pushnumber(L, low);
    lua_pushnumber(L, high);
    return 2;
}

/* histogram:error(low, high): of the bytes for that range (yl_histogram_error) */
static int histogram_error(lua_State *L)
{
    const yl_histogram *h = yl__object(L, 1, HISTOGRAM_CLASS);
    lua_pushnumber(L, yl_histogram_error(h, yl__check_number(L, 2), yl__check_number(L, 3)));
    return 1;
}

/* core.quant_of(low, high) -> scale, zero of the bytes for that range */
static int quant_of(lua_State *L)
{
    yl_quant q = yl_quant_of(yl__check_number(L, 1), yl__check_number(L, 2));
    lua_pushnumber(L, (lua_Number)q.scale);
    lua_pushinteger(L, q.zero);
    return 2;
}

void yl__bind_calibration(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"extremes", histogram_extremes},
        {"add", histogram_add},
        {"range", histogram_range},
        {"error", histogram_error},
        {"__gc", histogram_gone},
        {"__close", histogram_gone},
        {NULL, NULL},
    };
    static const luaL_Reg of_net[] = {{"calibrate", net_calibrate}, {"calibrated", net_calibrated}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"histogram", histogram_new}, {"quant_of", quant_of}, {NULL, NULL}};
    yl__class(L, HISTOGRAM_CLASS, methods);
    yl__add_methods(L, YL_NET_CLASS, of_net);
    luaL_setfuncs(L, functions, 0);
}
