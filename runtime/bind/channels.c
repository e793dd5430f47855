/* Channel graphs for Lua: which channels stay or go together, and which go by score. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "core/memory.h"
#include "prune/cut.h"
#include "prune/narrow.h"

#include <string.h>

#define CHANNELS_CLASS "yolua.channels"

static yl_channel_graph *check_graph(lua_State *L, int index)
{
    return yl__object(L, index, CHANNELS_CLASS);
}

/* core.channels(net) -> the channel graph of the network, which keeps it */
static int channels_new(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_channel_graph *g;
    void **box = yl__new_object(L, CHANNELS_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    yl__check(L, yl__calloc(1, sizeof *g, &g));
    *box = g;
    yl_status status = yl_channels_build(net, g);
    g->net = net;
    net->references++; /* whatever becomes of the object */
    yl__check(L, status);
    return 1;
}

static int channels_gone(lua_State *L)
{
    void **box = yl__check_object(L, 1, CHANNELS_CLASS);
    yl_channel_graph *g = *box;
    *box = NULL;
    if (!g) return 0;
    yl_net *net = (yl_net *)g->net;
    yl_channels_free(g);
    yl__free(g);
    yl_net_free(net);
    return 0;
}

/* graph:count() -> how many groups there are */
static int channels_count(lua_State *L)
{
    lua_pushinteger(L, check_graph(L, 1)->n_groups);
    return 1;
}

/* graph:layers() -> for each layer with parameters per output channel {name =, groups = {the group of each channel, from 1}, mixes =} */
static int channels_layers(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    lua_newtable(L);
    for (int i = 0, n = 0; i < g->net->n_layers; i++) {
        bool rows = false;
        for (int k = 0; k < g->net->layers[i].n_params; k++)
            rows |= g->net->ranges[g->net->layers[i].params[k]].per_out;
        if (!rows) continue;
        lua_createtable(L, 0, 3);
        lua_pushstring(L, g->net->layers[i].name), lua_setfield(L, -2, "name");
        lua_pushboolean(L, g->layers[i].mixes), lua_setfield(L, -2, "mixes");
        lua_newtable(L);
        for (int64_t c = 0; c < g->shapes[i + 1].c; c++) {
            lua_pushinteger(L, g->group[g->first[i + 1] + c] + 1);
            lua_rawseti(L, -2, c + 1);
        }
        lua_setfield(L, -2, "groups");
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* graph:sources(layer, channel) -> what that output channel is made of: list of {input =, first =, last =, use = "each", "mix" or "whole"} */
static int channels_sources(lua_State *L)
{
    static const char *const uses[] = {"each", "mix", "whole"};
    const yl_channel_graph *g = check_graph(L, 1);
    int layer = yl__check_layer(L, g->net, 2);
    int64_t channel = yl__check_integer(L, 3);
    if (layer < 0 || channel < 1 || channel > g->shapes[layer + 1].c)
        return yl__error(L, "sources: expected a layer and one of its output channels");
    int64_t node = g->first[layer + 1] + channel - 1;
    lua_newtable(L);
    for (int64_t i = g->source_first[node], n = 0; i < g->source_first[node + 1]; i++) {
        const yl_source *s = &g->sources[i];
        lua_createtable(L, 0, 4);
        lua_pushinteger(L, s->input + 1), lua_setfield(L, -2, "input");
        lua_pushinteger(L, s->first + 1), lua_setfield(L, -2, "first");
        lua_pushinteger(L, s->first + s->count), lua_setfield(L, -2, "last");
        lua_pushstring(L, uses[s->use]), lua_setfield(L, -2, "use");
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* graph:fixed() -> for each group whether it has to stay */
static int channels_fixed(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    lua_createtable(L, (int)g->n_groups, 0);
    for (int64_t i = 0; i < g->n_groups; i++) {
        lua_pushboolean(L, g->fixed[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static double *check_scores(lua_State *L, const yl_channel_graph *g)
{
    double *score = yl__scratch(L, (size_t)g->n_groups * sizeof *score);
    lua_getfield(L, 2, "score");
    int64_t n = yl__check_list(L, lua_gettop(L), "score");
    if (n != g->n_groups) yl__error(L, "score: expected one for each of %d groups, got %d", (int)g->n_groups, (int)n);
    for (int64_t i = 0; i < n; i++) {
        if (lua_rawgeti(L, -1, i + 1) != LUA_TNUMBER)
            yl__error(L, "score: expected a number at place %d, got %s", (int)i + 1, yl__shown(L, -1));
        score[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return score;
}

static void push_result(lua_State *L, const yl_cut_result *r)
{
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, r->zeros), lua_setfield(L, -2, "zeros");
    lua_pushinteger(L, r->flops), lua_setfield(L, -2, "flops");
    lua_pushinteger(L, r->params), lua_setfield(L, -2, "params");
}

/* graph:cut{score = list, fields of "cut" and "compact"} -> for each group whether it stays, {zeros, flops, params} */
static int channels_cut(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    yl_cut_options o;
    yl__check_type(L, 2, LUA_TTABLE);
    yl__read_options(L, 2, YL__FILL({&yl_compact_fields, &o.widths}, {&yl_cut_fields, &o}), YL__KEYS("score"));
    const double *score = check_scores(L, g);
    bool *kept = yl__scratch(L, (size_t)g->n_groups * sizeof *kept);
    yl_cut_result result;
    yl__check(L, yl_channels_cut(g, score, &o, kept, &result));
    lua_createtable(L, (int)g->n_groups, 0);
    for (int64_t i = 0; i < g->n_groups; i++) {
        lua_pushboolean(L, kept[i]);
        lua_rawseti(L, -2, i + 1);
    }
    push_result(L, &result);
    return 2;
}

static const bool *check_kept(lua_State *L, const yl_channel_graph *g)
{
    bool *kept = yl__scratch(L, (size_t)g->n_groups * sizeof *kept);
    int64_t n = yl__check_list(L, 2, "kept");
    if (n != g->n_groups)
        yl__error(L, "kept: expected true or false for each of %d groups, got %d: it belongs to another network",
                  (int)g->n_groups, (int)n);
    for (int64_t i = 0; i < n; i++) {
        lua_rawgeti(L, 2, i + 1);
        kept[i] = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (g->fixed[i] && !kept[i])
            yl__error(L, "kept: group %d has to stay: a head, an output or the input needs it", (int)i + 1);
    }
    return kept;
}

/* graph:cost(kept [, h, w]) -> {zeros, flops, params} of the network without the groups that go */
static int channels_cost(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    int64_t h = yl__opt_integer(L, 3, 0), w = yl__opt_integer(L, 4, 0);
    yl_cut_result result;
    yl__check(L, yl_channels_cost(g, check_kept(L, g), h, w, &result));
    push_result(L, &result);
    return 1;
}

/* graph:network(kept) -> a network of the structure that is left, with drawn values: for timing */
static int channels_network(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    const bool *kept = check_kept(L, g);
    int *from = yl__scratch(L, (size_t)g->net->n_layers * sizeof *from);
    yl_net *made;
    yl__check(L, yl__narrow(g, kept, &made, from));
    yl__push_net(L, made);
    yl__check(L, yl_net_init(made, 1));
    return 1;
}

static void push_mask(lua_State *L, const yl_range *r, const uint8_t *bytes)
{
    yl_device *cpu;
    void *data;
    yl__check(L, yl_device_get("cpu", &cpu));
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_tensor_new(cpu, YL_U8, r->n_dims, r->dims, box));
    yl__check(L, yl_tensor_data(*box, &data));
    memcpy(data, bytes, (size_t)r->count);
}

/* graph:masks(kept) -> {name = u8 tensor of the parameter's sizes}: 0 in the rows of channels that go; parameters that lose none are absent */
static int channels_masks(lua_State *L)
{
    const yl_channel_graph *g = check_graph(L, 1);
    const bool *kept = check_kept(L, g);
    lua_newtable(L);
    for (int i = 0; i < g->net->n_ranges; i++) {
        const yl_range *r = &g->net->ranges[i];
        uint8_t *bytes = yl__scratch(L, (size_t)r->count);
        memset(bytes, 1, (size_t)r->count);
        if (yl_channels_mask(g, kept, i, bytes)) {
            push_mask(L, r, bytes);
            lua_setfield(L, -3, r->name);
        }
        lua_pop(L, 1);
    }
    return 1;
}

void yl__bind_channels(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"__gc", channels_gone},       {"__close", channels_gone},  {"close", channels_gone},
        {"count", channels_count},     {"layers", channels_layers}, {"fixed", channels_fixed},
        {"sources", channels_sources}, {"cut", channels_cut},       {"cost", channels_cost},
        {"network", channels_network}, {"masks", channels_masks},   {NULL, NULL}};
    static const luaL_Reg functions[] = {{"channels", channels_new}, {NULL, NULL}};
    yl__class(L, CHANNELS_CLASS, methods);
    luaL_setfuncs(L, functions, 0);
    yl__offer_fields(L, &yl_cut_fields);
}
