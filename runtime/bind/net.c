/* Networks for Lua: looking, freezing, copying values in and out. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "backend/device.h"
#include "bind/tensor_objects.h"
#include "core/foreign.h"
#include "core/memory.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- helpers shared with bind/plan.c ---- */

void *yl__scratch(lua_State *L, size_t bytes)
{
    return lua_newuserdatauv(L, bytes ? bytes : 1, 0);
}

void yl__push_floats(lua_State *L, const float *values, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_pushnumber(L, values[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

void yl__check_floats(lua_State *L, int index, float *out, int64_t count, const char *what)
{
    if (!lua_istable(L, index))
        yl__error(L, "%s: expected a list of %d numbers, got %s", what, (int)count, yl__shown(L, index));
    int64_t n = (int64_t)lua_rawlen(L, index);
    if (n != count) yl__error(L, "%s: expected %d numbers, got %d", what, (int)count, (int)n);
    for (int64_t i = 0; i < count; i++) {
        if (lua_rawgeti(L, index, i + 1) != LUA_TNUMBER)
            yl__error(L, "%s: expected a number at place %d, got %s", what, (int)i + 1, yl__shown(L, -1));
        out[i] = (float)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

void yl__push_shape(lua_State *L, yl_shape shape)
{
    int64_t dims[4] = {shape.n, shape.h, shape.w, shape.c};
    lua_createtable(L, 4, 0);
    for (int i = 0; i < 4; i++) {
        lua_pushinteger(L, dims[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

int yl__check_layer(lua_State *L, const yl_net *net, int index)
{
    if (lua_isinteger(L, index)) {
        lua_Integer i = lua_tointeger(L, index);
        if (i < 0 || i > net->n_layers) yl__error(L, "layer %d: expected 0..%d", (int)i, net->n_layers);
        return (int)i - 1;
    }
    const char *name = yl__check_string(L, index);
    int layer = yl_net_find_layer(net, name);
    if (layer < 0) yl__error(L, "the network has no layer '%s'", name);
    return layer;
}

/* ---- the object ---- */

void yl__push_net(lua_State *L, yl_net *net)
{
    *yl__new_object(L, YL_NET_CLASS) = net;
}

/* net:close(): ends the tensors over its parameters too */
static int net_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, YL_NET_CLASS);
    yl__check(L, yl_net_close(*box));
    *box = NULL;
    return 0;
}

/* Nobody needs the object any more; plans and tensors keep the network. */
static int net_gone(lua_State *L)
{
    void **box = yl__check_object(L, 1, YL_NET_CLASS);
    yl_net_free(*box);
    *box = NULL;
    return 0;
}

static int net_closed(lua_State *L)
{
    void **box = yl__check_object(L, 1, YL_NET_CLASS);
    lua_pushboolean(L, *box == NULL);
    return 1;
}

/* net:hold() -> what ends it when it is closed: until then nothing may free or remake the network */
static int net_hold(lua_State *L)
{
    yl__hold_net(L, yl__check_net(L, 1), NULL);
    return 1;
}

/* ---- looking ---- */

static const char *const kind_names[] = {"weight", "bias", "scale", "statistic"};

static int net_ranges(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    lua_createtable(L, net->n_ranges, 0);
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        lua_createtable(L, 0, 9);
        lua_pushstring(L, r->name), lua_setfield(L, -2, "name");
        lua_pushstring(L, net->layers[r->layer].name), lua_setfield(L, -2, "layer");
        lua_pushstring(L, kind_names[r->kind]), lua_setfield(L, -2, "kind");
        lua_pushinteger(L, r->count), lua_setfield(L, -2, "count");
        lua_pushboolean(L, r->frozen), lua_setfield(L, -2, "frozen");
        lua_pushnumber(L, (lua_Number)r->lr_mult), lua_setfield(L, -2, "lr_mult");
        lua_pushinteger(L, (lua_Integer)r->version), lua_setfield(L, -2, "version");
        lua_pushinteger(L, (lua_Integer)r->steps), lua_setfield(L, -2, "steps");
        lua_createtable(L, r->n_dims, 0);
        for (int d = 0; d < r->n_dims; d++) lua_pushinteger(L, r->dims[d]), lua_rawseti(L, -2, d + 1);
        lua_setfield(L, -2, "dims");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static void push_options(lua_State *L, const yl_layer *l)
{
    char text[YL_OPTION_TEXT * 8];
    lua_newtable(L);
    for (int64_t f = 0; l->kind->fields && f < l->kind->fields->count; f++) {
        yl_options_text(&l->kind->fields->fields[f], l->options, text, sizeof text);
        lua_pushstring(L, text);
        lua_setfield(L, -2, l->kind->fields->fields[f].key);
    }
}

static void push_layer(lua_State *L, const yl_net *net, int i, yl_shape out, int64_t flops)
{
    const yl_layer *l = &net->layers[i];
    int64_t count = 0;
    for (int k = 0; k < l->n_params; k++) count += net->ranges[l->params[k]].count;
    lua_createtable(L, 0, 10);
    lua_pushstring(L, l->name), lua_setfield(L, -2, "name");
    lua_pushstring(L, l->kind->name), lua_setfield(L, -2, "kind");
    lua_pushinteger(L, count), lua_setfield(L, -2, "params");
    lua_pushinteger(L, flops), lua_setfield(L, -2, "flops");
    lua_pushinteger(L, l->section), lua_setfield(L, -2, "section");
    lua_pushboolean(L, l->n_params && yl_net_layer_frozen(net, i)), lua_setfield(L, -2, "frozen");
    lua_pushboolean(L, l->kind->loss_parts != NULL), lua_setfield(L, -2, "loss");
    yl__push_shape(L, out), lua_setfield(L, -2, "shape");
    push_options(L, l), lua_setfield(L, -2, "options");
    lua_createtable(L, l->n_inputs, 0);
    for (int k = 0; k < l->n_inputs; k++) lua_pushinteger(L, l->inputs[k] + 1), lua_rawseti(L, -2, k + 1);
    lua_setfield(L, -2, "inputs");
}

/* net:layers([h, w]) -> list of {name, kind, params, flops, shape, frozen, loss, options, inputs}; shapes of one image. */
static int net_layers(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int64_t h = yl__opt_integer(L, 2, net->h), w = yl__opt_integer(L, 3, net->w);
    yl_shape *shapes = yl__scratch(L, (size_t)net->n_layers * sizeof *shapes);
    int64_t *flops = yl__scratch(L, (size_t)net->n_layers * sizeof *flops);
    yl__check(L, yl_net_shapes(net, 1, h, w, shapes));
    yl__check(L, yl_net_flops(net, 1, h, w, flops, NULL));
    lua_createtable(L, net->n_layers, 0);
    for (int i = 0; i < net->n_layers; i++) {
        push_layer(L, net, i, shapes[i], flops[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int net_size(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    lua_pushinteger(L, net->w);
    lua_pushinteger(L, net->h);
    lua_pushinteger(L, net->c);
    return 3;
}

/* net:resize(w, h): makes this the input's own size; throws the layer that does not fit */
static int net_resize(lua_State *L)
{
    yl__check(L, yl_net_resize(yl__check_net(L, 1), yl__check_integer(L, 3), yl__check_integer(L, 2)));
    return 0;
}

/* net:options(layer, {key = value}): other options for a layer without parameters, all at once; throws what does not fit */
static int net_options(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int layer = yl__check_layer(L, net, 2);
    if (layer < 0) yl__error(L, "layer 0: the network's input has no options");
    yl__check_type(L, 3, LUA_TTABLE);
    const yl_layer *l = &net->layers[layer];
    void *options = yl__scratch(L, l->kind->options_size);
    memcpy(options, l->options, l->kind->options_size);
    yl_field_table fields = l->kind->fields ? *l->kind->fields : (yl_field_table){.count = 0};
    fields.owner = l->name;
    yl__change_options(L, 3, YL__FILL({&fields, options}), NULL);
    yl__check(L, yl_net_set_options(net, layer, options));
    return 0;
}

/* net:header([text]) -> the text of the cfg's [net] section but for the input's size, or nil; a text takes its place */
static int net_header(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        char *text;
        yl__check(L, yl__strdup(yl__check_string(L, 2), &text));
        yl__free(net->header);
        net->header = text;
    }
    lua_pushstring(L, net->header);
    return 1;
}

static const yl_range *check_range(lua_State *L, const yl_net *net, int index, int *number)
{
    const char *name = yl__check_string(L, index);
    int i = yl_net_find_range(net, name);
    if (i < 0) yl__error(L, "the network has no parameter '%s'", name);
    if (number) *number = i;
    return &net->ranges[i];
}

/* What net:get and net:set work on. */
static yl_slab *check_slab(lua_State *L, yl_net *net, const yl_range *range, int index)
{
    yl_slab *slab;
    yl__check(L, yl_net_slab(net, yl__opt_string(L, index, "value"), &slab));
    if (!yl_net_at(slab, range)) yl__error(L, "slab '%s' holds nothing for %s", slab->name, range->name);
    return slab;
}

static void push_bytes(lua_State *L, const uint8_t *bytes, int64_t count)
{
    lua_createtable(L, (int)count, 0);
    for (int64_t i = 0; i < count; i++) {
        lua_pushinteger(L, bytes[i]);
        lua_rawseti(L, -2, i + 1);
    }
}

/* net:get(name [, slab]) -> list of numbers */
static int net_get(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const yl_range *range = check_range(L, net, 2, NULL);
    yl_slab *slab = check_slab(L, net, range, 3);
    size_t size = yl_dtype_bytes(slab->dtype);
    void *numbers = yl__scratch(L, (size_t)range->count * size);
    yl__check(L, net->device->from_device(net->device, numbers, yl_net_at(slab, range), (size_t)range->count * size));
    if (slab->dtype == YL_F32)
        yl__push_floats(L, numbers, range->count);
    else
        push_bytes(L, numbers, range->count);
    return 1;
}

/* net:tensor(name [, slab]) -> a tensor over the parameter itself; it keeps the network, and ends when the network is closed */
static int net_tensor(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int number;
    check_range(L, net, 2, &number);
    const char *slab = yl__opt_string(L, 3, "value");
    yl__check(L, yl_net_tensor(net, number, slab, yl__new_tensor(L)));
    return 1;
}

/* Pushes the tensor at `index`, or one of the list of numbers there, in the range's dims. */
static yl_tensor *check_numbers(lua_State *L, int index, const yl_range *range)
{
    yl_device *cpu;
    void *data;
    yl_tensor *given = yl__test_tensor(L, index), **box;
    if (given) {
        lua_pushvalue(L, index);
        return given;
    }
    box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &cpu));
    yl__check(L, yl_tensor_new(cpu, YL_F32, range->n_dims, range->dims, box));
    yl__check(L, yl_tensor_data(*box, &data));
    yl__check_floats(L, index, data, range->count, range->name);
    return *box;
}

/* net:set(name, numbers or tensor [, slab]); "mask": of 0 and 1, and what is masked becomes zero */
static int net_set(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int number;
    yl__check_count(L, 4);
    lua_settop(L, 4);
    const yl_range *range = check_range(L, net, 2, &number);
    yl_tensor *numbers = check_numbers(L, 3, range);
    yl__check(L, yl_net_set(net, number, yl__opt_string(L, 4, "value"), numbers));
    return 0;
}

/* net:zero(slab): clears a whole slab */
static int net_zero(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_slab *slab;
    const char *name = yl__check_string(L, 2);
    yl__arg_check(L, strcmp(name, yl_slab_kinds[YL_SLAB_mask].name) != 0, 2,
                  "masks are set by net:set(name, mask, \"mask\")");
    yl__check(L, yl_net_slab(net, name, &slab));
    yl__check(L, net->device->zero(net->device, slab->data, (size_t)slab->count * yl_dtype_bytes(slab->dtype)));
    for (int i = 0; i < net->n_ranges; i++) net->ranges[i].version++;
    return 0;
}

/* net:drop([slab]): forgets a slab other than the values; without a name all that is not the model itself (values and masks) */
static int net_drop(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl__check(L, lua_isnoneornil(L, 2) ? yl_net_drop_training(net) : yl_net_drop_slab(net, yl__check_string(L, 2)));
    return 0;
}

/* net:memory() -> bytes of its slabs, of the arena that its plans share, and whether they are the host's */
static int net_memory(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    size_t bytes = 0;
    for (int s = 0; s < YL_SLABS; s++)
        if (net->slabs[s].data) bytes += (size_t)net->slabs[s].count * yl_dtype_bytes(net->slabs[s].dtype);
    lua_pushinteger(L, (lua_Integer)bytes);
    lua_pushinteger(L, (lua_Integer)net->workspace.arena_bytes);
    lua_pushboolean(L, net->device->host_memory);
    return 3;
}

/* net:device() -> its name, and the free bytes of its memory; nil where it computes in the host's memory */
static int net_device(lua_State *L)
{
    yl_device *device = yl__check_net(L, 1)->device;
    int64_t bytes;
    lua_pushstring(L, device->name);
    if (!device->room) return 1;
    yl__check(L, device->room(device, &bytes));
    lua_pushinteger(L, bytes);
    return 2;
}

static int net_freeze(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int matched;
    yl__check(L, yl_net_freeze(net, yl__check_string(L, 2), &matched));
    lua_pushinteger(L, matched);
    return 1;
}

/* net:checksum(name) -> 16 hexadecimal digits */
static int net_checksum(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    int number;
    uint64_t sum;
    char text[20];
    check_range(L, net, 2, &number);
    yl__check(L, yl_net_checksum(net, number, &sum));
    snprintf(text, sizeof text, "%016" PRIx64, sum);
    lua_pushstring(L, text);
    return 1;
}

/* net:init(seed [, name]): draws all values, or one parameter's, anew */
static int net_init(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    uint64_t seed = (uint64_t)yl__check_integer(L, 2);
    int number;
    if (lua_isnoneornil(L, 3))
        yl__check(L, yl_net_init(net, seed));
    else {
        check_range(L, net, 3, &number);
        yl__check(L, yl_net_init_range(net, number, seed));
    }
    return 0;
}

static int alloc_count(lua_State *L)
{
    lua_pushinteger(L, yl__alloc_count());
    return 1;
}

void yl__bind_net(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"ranges", net_ranges}, {"layers", net_layers}, {"size", net_size},         {"header", net_header},
        {"get", net_get},       {"set", net_set},       {"tensor", net_tensor},     {"zero", net_zero},
        {"freeze", net_freeze}, {"drop", net_drop},     {"init", net_init},         {"close", net_close},
        {"__gc", net_gone},     {"__close", net_close}, {"checksum", net_checksum}, {"hold", net_hold},
        {"closed", net_closed}, {"resize", net_resize}, {"options", net_options},   {"memory", net_memory},
        {"device", net_device}, {NULL, NULL},
    };
    yl__class(L, YL_NET_CLASS, methods);
    lua_pushcfunction(L, alloc_count);
    lua_setfield(L, -2, "alloc_count");
}
