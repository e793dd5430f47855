/* core.net: a network out of a Lua table. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "backend/device.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <string.h>

/* What every layer of core.net takes besides its kind's options. */
typedef struct layer_place {
    const char *name;
    int section;
} layer_place;

static const yl_field place_fields[] = {
    {"name", YL_OPTION_STRING, NULL, "", "its name; the kind with a number otherwise", 0, 0, NULL, NULL,
     YL_MEMBER(layer_place, name)},
    {"section", YL_OPTION_INT, "-1", "", "which section of the cfg it is of", -1, INT32_MAX, NULL, NULL,
     YL_MEMBER(layer_place, section)},
};
static const yl_field_table place_table = YL_FIELD_TABLE("layer", place_fields);

typedef struct build_options {
    const char *device, *header;
    int64_t h, w, c;
    uint64_t seed;
} build_options;

#define AT(member) YL_MEMBER(build_options, member)
static const yl_field net_fields[] = {
    {"device", YL_OPTION_STRING, "cpu", "", "cpu, cuda, cuda:N, or auto: a GPU where one can be used", 0, 0, NULL,
     "gpu gpus", AT(device)},
    {"header", YL_OPTION_STRING, NULL, "", "the cfg's [net] section", 0, 0, NULL, NULL, AT(header)},
    {"h", YL_OPTION_INT, "0", "px", "height of the input", 0, 0, NULL, "height", AT(h)},
    {"w", YL_OPTION_INT, "0", "px", "width of the input", 0, 0, NULL, "width", AT(w)},
    {"c", YL_OPTION_INT, "3", "", "channels of the input", 0, 0, NULL, "channels", AT(c)},
    {"seed", YL_OPTION_INT, "1", "", "seed of randomly initialized weights", 0, INFINITY, NULL, NULL, AT(seed)},
};
static const yl_field_table net_table = YL_FIELD_TABLE("network", net_fields);

static int layer_inputs(lua_State *L, const yl_net *net, int spec, int inputs[YL_MAX_INPUTS])
{
    int count = 0;
    if (lua_getfield(L, spec, "inputs") == LUA_TNIL)
        inputs[count++] = net->n_layers - 1;
    else {
        if (!lua_istable(L, -1)) yl__error(L, "inputs: expected a list of layers, got a %s", luaL_typename(L, -1));
        int64_t n = yl__length(L, -1);
        if (n > YL_MAX_INPUTS) yl__error(L, "inputs: at most %d, got %d", YL_MAX_INPUTS, (int)n);
        for (; count < n; count++) {
            lua_rawgeti(L, -1, count + 1);
            inputs[count] = yl__check_layer(L, net, lua_gettop(L));
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
    return count;
}

static void refuse_layer(lua_State *L, const char *name)
{
    enum { MOST = 128 };
    char known[YL_FOREIGN_TEXT];
    const char *names[MOST];
    int n = 0;
    if (yl__foreign("layer", name, known) || yl__foreign("section", name, known))
        yl__error(L, "unknown layer '%s'%s", name, known);
    for (; n < MOST && yl_layer_at(n); n++) names[n] = yl_layer_at(n)->name;
    const char *near = yl__nearest(name, names, n);
    yl__error(L, "unknown layer '%s'%s%s%s", name, near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void add_layer(lua_State *L, yl_net *net, int spec)
{
    if (!lua_istable(L, spec))
        yl__error(L, "layer %d: expected a table, got a %s", net->n_layers + 1, luaL_typename(L, spec));
    if (lua_rawgeti(L, spec, 1) != LUA_TSTRING)
        yl__error(L, "layer %d: expected its kind as a string first, got a %s", net->n_layers + 1,
                  luaL_typename(L, -1));
    const char *kind_name = lua_tostring(L, -1);
    const yl_layer_kind *kind = yl_layer_find(kind_name);
    if (!kind) refuse_layer(L, kind_name);
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): refuse_layer does not return */
    void *options = yl__scratch(L, kind->options_size);
    memset(options, 0, kind->options_size);
    layer_place place;
    yl__read_options(L, spec, YL__FILL({&place_table, &place}, {kind->fields, options}), YL__KEYS("1", "inputs"));
    int inputs[YL_MAX_INPUTS], index, count = layer_inputs(L, net, spec, inputs);
    yl__check(L, yl_net_add(net, kind, place.name, options, count, inputs, &index));
    net->layers[index].section = place.section;
    lua_pop(L, 2);
}

/* core.net{fields of "network", layers = {{kind, name =, inputs = {layers}, the kind's options}, ...}} -> network */
static int build_net(lua_State *L)
{
    yl_device *device;
    yl_net *net;
    build_options o;
    yl__check_type(L, 1, LUA_TTABLE);
    yl__read_options(L, 1, YL__FILL({&net_table, &o}), YL__KEYS("layers"));
    yl__check(L, yl_device_get(o.device, &device));
    void **box = yl__new_object(L, YL_NET_CLASS);
    yl__check(L, yl_net_create(device, o.h, o.w, o.c, &net));
    *box = net;
    if (lua_getfield(L, 1, "layers") != LUA_TTABLE)
        yl__error(L, "layers: expected a list of layers, got a %s", luaL_typename(L, -1));
    int layers = lua_gettop(L);
    int64_t n = yl__length(L, layers);
    for (int64_t i = 1; i <= n; i++) {
        lua_rawgeti(L, layers, i);
        add_layer(L, net, lua_gettop(L));
        lua_pop(L, 1);
    }
    if (o.header) yl__check(L, yl__strdup(o.header, &net->header));
    yl__check(L, yl_net_init(net, o.seed));
    lua_pop(L, 1);
    return 1;
}

void yl__bind_build(lua_State *L)
{
    lua_pushcfunction(L, build_net);
    lua_setfield(L, -2, "net");
    yl__offer_fields(L, &net_table);
}
