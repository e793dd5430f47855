/* Layers and networks on tensors, as operations with a gradient: core.layers.apply, net:apply, net:leaf. lua/yolua/tensor/nn.lua and
 * lua/yolua/model/forward.lua build on them. */
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "net/apply.h"

#include <string.h>

enum { MOST_GIVEN = 32 };

/* The tensors in the table at `index` by their keys; a NULL behind the names. */
static int read_given(lua_State *L, int index, yl_given given[MOST_GIVEN], const char *names[MOST_GIVEN + 1])
{
    int count = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) {
        yl_tensor *t = yl__test_tensor(L, -1);
        if (t && lua_type(L, -2) == LUA_TSTRING && count < MOST_GIVEN) {
            names[count] = lua_tostring(L, -2);
            given[count++].t = t;
        }
        lua_pop(L, 1);
    }
    for (int i = 0; i < count; i++) given[i].name = names[i];
    names[count] = NULL;
    return count;
}

/* layers.apply(kind, {inputs}, {parameter = tensor, ..., the kind's options and those of "apply"}) -> the output {n, h, w, c} */
static int apply_layer(lua_State *L)
{
    const char *name = yl__check_string(L, 1), *names[MOST_GIVEN + 1];
    const yl_layer_kind *kind = yl_layer_find(name);
    yl_given given[MOST_GIVEN];
    yl_apply_options options;
    yl_tensor *inputs[YL_MAX_INPUTS];
    yl_layer layer = {.kind = kind, .section = -1};
    if (!kind) return yl__error(L, "there is no layer '%s'", name);
    yl__check_type(L, 3, LUA_TTABLE);
    lua_Integer n = yl__check_list(L, 2, "inputs");
    if (n < 1 || n > YL_MAX_INPUTS) return yl__error(L, "%s: expected 1 to %d inputs", name, YL_MAX_INPUTS);
    for (; layer.n_inputs < n; layer.n_inputs++) {
        lua_rawgeti(L, 2, layer.n_inputs + 1);
        inputs[layer.n_inputs] = yl__check_tensor(L, lua_gettop(L));
    }
    int count = read_given(L, 3, given, names);
    layer.options = yl__scratch(L, kind->options_size);
    memset(layer.options, 0, kind->options_size);
    yl__read_options(L, 3, YL__FILL({&yl_apply_fields, &options}, {kind->fields, layer.options}), names);
    memcpy(layer.name, kind->name, strlen(kind->name) < sizeof layer.name ? strlen(kind->name) : sizeof layer.name - 1);
    yl_tensor **out = yl__new_tensor(L);
    yl__check(L, yl_layer_apply(&layer, 0, inputs, count, given, &options, out));
    yl__gc_debt(L, yl_tensor_bytes(*out));
    return 1;
}

/* net:apply(x, {layers}, {fields of "apply"}) -> a tensor for each of the layers */
static int apply_net(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_tensor *x = yl__check_tensor(L, 2);
    yl_apply_options options;
    int count = (int)yl__check_list(L, 3, "layers");
    int *wanted = yl__scratch(L, (size_t)count * sizeof *wanted);
    yl_tensor **outs = yl__scratch(L, (size_t)count * sizeof *outs);
    yl__read_options(L, 4, YL__FILL({&yl_apply_fields, &options}), NULL);
    luaL_checkstack(L, count + LUA_MINSTACK, "outputs");
    for (int i = 0; i < count; i++) {
        lua_rawgeti(L, 3, i + 1);
        wanted[i] = yl__check_layer(L, net, lua_gettop(L));
        lua_pop(L, 1);
        if (wanted[i] < 0) return yl__error(L, "layer 0 is the network's input");
    }
    yl_tensor ***boxes = yl__scratch(L, (size_t)count * sizeof *boxes);
    for (int i = 0; i < count; i++) boxes[i] = yl__new_tensor(L);
    yl__check(L, yl_net_apply(net, x, &options, count, wanted, outs));
    for (int i = 0; i < count; i++) *boxes[i] = outs[i];
    for (int i = 0; i < count; i++) yl__gc_debt(L, yl_tensor_bytes(outs[i]));
    return count;
}

/* net:leaf(name, yes) -> the parameter's tensor, whose gradient is asked for, or no longer. That holds for as long as a tensor over the
 * parameter lives. */
static int net_leaf(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *name = yl__check_string(L, 2);
    int range = yl_net_find_range(net, name);
    if (range < 0) return yl__error(L, "the network has no parameter '%s'", name);
    yl_tensor **t = yl__new_tensor(L);
    yl__check(L, yl_net_tensor(net, range, "value", t));
    yl__check(L, yl_tensor_require_grad(*t, lua_toboolean(L, 3)));
    return 1;
}

void yl__bind_apply(lua_State *L)
{
    static const luaL_Reg of_net[] = {{"apply", apply_net}, {"leaf", net_leaf}, {NULL, NULL}};
    yl__add_methods(L, YL_NET_CLASS, of_net);
    lua_getfield(L, -1, "layers");
    lua_pushcfunction(L, apply_layer);
    lua_setfield(L, -2, "apply");
    lua_pop(L, 1);
    yl__offer_fields(L, &yl_apply_fields);
}
