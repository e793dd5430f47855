/* core.layer: kinds of layers whose functions are written in Lua; lua/yolua/model/layer.lua makes and checks the descriptor. Here they
 * are registered, and asked for shapes and parameters; bind/layer_work.c runs them. */
#include "bind/fields.h"
#include "bind/layer_objects.h"
#include "formats/darknet_sections.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define KIND_CLASS "yolua.layer_kind"
#define THREAD "yolua.layer_thread" /* registry: the thread that all layers' functions run on */

/* {n=, h=, w=, c=} */
static void push_sizes(lua_State *L, yl_shape s)
{
    const struct {
        const char *key;
        int64_t size;
    } sizes[] = {{"n", s.n}, {"h", s.h}, {"w", s.w}, {"c", s.c}};
    lua_createtable(L, 0, 4);
    for (int i = 0; i < 4; i++) {
        lua_pushinteger(L, sizes[i].size);
        lua_setfield(L, -2, sizes[i].key);
    }
}

static void push_inputs(lua_State *L, const yl__layer_call *c)
{
    lua_createtable(L, c->layer->n_inputs, 0);
    for (int k = 0; k < c->layer->n_inputs; k++) {
        push_sizes(L, c->in[k]);
        lua_rawseti(L, -2, k + 1);
    }
}

/* ---- answers: what lua/yolua/model/answers.lua and channels.lua have checked --------------------------------------- */

static const yl_field shape_fields[] = {
    {"h", YL_OPTION_INT, NULL, "", "rows", 1, INFINITY, NULL, NULL, YL_MEMBER(yl_shape, h)},
    {"w", YL_OPTION_INT, NULL, "", "columns", 1, INFINITY, NULL, NULL, YL_MEMBER(yl_shape, w)},
    {"c", YL_OPTION_INT, NULL, "", "channels", 1, INFINITY, NULL, NULL, YL_MEMBER(yl_shape, c)},
};
static const yl_field_table shape_table = YL_FIELD_TABLE("shape", shape_fields);

typedef struct parameter {
    yl_param param; /* but for what follows */
    yl_numbers dims;
    double value;
} parameter;

#define AT(member) YL_MEMBER(parameter, member)
static const yl_field parameter_fields[] = {
    {"name", YL_OPTION_STRING, NULL, "", "its own name", 0, 0, NULL, NULL, AT(param.name)},
    {"kind", YL_OPTION_ENUM, NULL, "", "what it is", 0, 0, "weight|bias|scale|statistic", NULL, AT(param.kind)},
    {"dims", YL_OPTION_NUMBERS, NULL, "", "1 to 4 sizes", 1, INFINITY, NULL, NULL, AT(dims)},
    {"role", YL_OPTION_ENUM, NULL, "", "what it does to an output channel", 0, 0, "other|factor|offset|centre", NULL,
     AT(param.role)},
    {"per_out", YL_OPTION_BOOL, "false", "", "its first size counts output channels", 0, 0, NULL, NULL,
     AT(param.per_out)},
    {"per_in", YL_OPTION_BOOL, "false", "", "its last size counts input channels", 0, 0, NULL, NULL, AT(param.per_in)},
    {"init", YL_OPTION_ENUM, NULL, "", "what it begins as", 0, 0, "zero|one|fan_in|value", NULL, AT(param.init)},
    {"value", YL_OPTION_NUMBER, "0", "", "init=value: everywhere", 0, 0, NULL, NULL, AT(value)},
};
static const yl_field_table parameter_table = YL_FIELD_TABLE("parameter", parameter_fields);
#undef AT

static const yl_field channels_fields[] = {
    {"parts", YL_OPTION_INT, "1", "", "", 1, INFINITY, NULL, NULL, YL_MEMBER(yl_channels, parts)},
    {"uniform", YL_OPTION_BOOL, "false", "", "", 0, 0, NULL, NULL, YL_MEMBER(yl_channels, uniform)},
    {"zero", YL_OPTION_ENUM, "plain", "", "", 0, 0, "plain|sum|product", NULL, YL_MEMBER(yl_channels, zero)},
};
static const yl_field_table channels_table = YL_FIELD_TABLE("channels", channels_fields);

static const yl_field source_fields[] = {
    {"input", YL_OPTION_INT, NULL, "", "", 0, INFINITY, NULL, NULL, YL_MEMBER(yl_source, input)},
    {"first", YL_OPTION_INT, NULL, "", "", 0, INFINITY, NULL, NULL, YL_MEMBER(yl_source, first)},
    {"count", YL_OPTION_INT, NULL, "", "", 1, INFINITY, NULL, NULL, YL_MEMBER(yl_source, count)},
    {"use", YL_OPTION_ENUM, "each", "", "", 0, 0, "each|mix|whole", NULL, YL_MEMBER(yl_source, use)},
};
static const yl_field_table source_table = YL_FIELD_TABLE("source", source_fields);

/* ---- the questions ------------------------------------------------------------------------------------------------ */

static int ask_shape(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl__layer_function(L, c, "shape");
    yl__layer_options(L, c->layer);
    push_inputs(L, c);
    lua_call(L, 2, 1);
    yl__read_options(L, -1, YL__FILL({&shape_table, c->out}), NULL);
    c->out->n = c->in[0].n;
    return 0;
}

/* The text lives as long as the kind. */
static void keep_text(lua_State *L, const yl__layer_call *c, const char *text)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, yl__made_of(c->layer));
    lua_getiuservalue(L, -1, 2);
    lua_pushboolean(L, true);
    lua_setfield(L, -2, text);
    lua_pop(L, 2);
}

/* The parameter on top of the stack. */
static void read_parameter(lua_State *L, const yl__layer_call *c, yl_param *out)
{
    parameter p = {0};
    yl__read_options(L, -1, YL__FILL({&parameter_table, &p}), NULL);
    *out = p.param;
    out->init_value = (float)p.value;
    out->n_dims = (int)p.dims.count;
    for (int d = 0; d < out->n_dims && d < 4; d++) out->dims[d] = (int64_t)p.dims.at[d];
    keep_text(L, c, out->name);
}

static int ask_parameters(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl__layer_function(L, c, "parameters");
    yl__layer_options(L, c->layer);
    push_inputs(L, c);
    lua_call(L, 2, 1);
    c->number = yl__length(L, -1);
    for (int k = 0; k < c->number; k++) {
        lua_rawgeti(L, -1, k + 1);
        read_parameter(L, c, &c->params[k]);
        lua_pop(L, 1);
    }
    return 0;
}

static int ask_flops(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl__layer_function(L, c, "flops");
    yl__layer_options(L, c->layer);
    push_inputs(L, c);
    push_sizes(L, *c->out);
    lua_call(L, 3, 1);
    lua_Number operations = yl__check_number(L, -1);
    if (!(operations >= 0 && operations < 0x1p62)) return yl__error(L, "expected a count of operations");
    c->number = (int64_t)operations;
    return 0;
}

/* {parts =, uniform =, zero =, sources = {{input =, first =, count =, use =}, ...}}, counted from 0 */
static int ask_channels(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl_channels *answer = c->channels;
    yl__layer_function(L, c, "channels");
    yl__layer_options(L, c->layer);
    push_inputs(L, c);
    push_sizes(L, *c->out);
    lua_pushinteger(L, c->number + 1);
    lua_call(L, 4, 1);
    yl__read_options(L, -1, YL__FILL({&channels_table, answer}), YL__KEYS("sources"));
    lua_getfield(L, -1, "sources");
    answer->n = (int)yl__length(L, -1);
    for (int i = 0; i < answer->n; i++) {
        lua_rawgeti(L, -1, i + 1);
        yl__read_options(L, -1, YL__FILL({&source_table, &answer->at[i]}), NULL);
        lua_pop(L, 1);
    }
    return 0;
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    yl__layer_call c = {.layer = layer, .in = in, .out = &out, .channels = answer, .number = channel};
    yl_status status = yl__layer_protect(ask_channels, &c);
    return status == YL_OK ? status : yl__fail_in(status, "%s channels", layer->name);
}

static void narrow(const yl_layer *layer, int64_t in_c, int64_t out_c, void *options)
{
    const yl__made_kind *k = yl__made_of(layer);
    const yl_field *field = k->width ? yl_option_find(&k->table, k->width, NULL) : NULL;
    (void)in_c;
    if (field) *(int64_t *)((char *)options + field->offset) = out_c;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    yl__layer_call c = {.layer = layer, .in = in, .out = out};
    yl_status status = yl__layer_protect(ask_shape, &c);
    return status == YL_OK ? status : yl__fail_in(status, "%s shape", layer->name);
}

static yl_status params(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    yl__layer_call c = {.layer = layer, .in = in, .params = out};
    memset(out, 0, YL_MAX_PARAMS * sizeof *out);
    yl_status status = yl__layer_protect(ask_parameters, &c);
    *count = (int)c.number;
    return status == YL_OK ? status : yl__fail_in(status, "%s parameters", layer->name);
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    yl__layer_call c = {.layer = layer, .in = in, .out = &out};
    if (yl__layer_protect(ask_flops, &c) == YL_OK) return c.number;
    yl__fail_in(YL_INVALID, "%s flops", layer->name);
    return -1;
}

static unsigned reads(const yl_layer *layer)
{
    return yl__made_of(layer)->reads;
}

/* ---- registering: the descriptor is at stack index 1, its kind at 2 ----------------------------------------------- */

/* What lua/yolua/model/layer.lua has made and checked; its texts live as long as the descriptor. */
typedef struct descriptor {
    const char *name, *stem, *help, *width;
    int reads, least, most;
    bool random, tape;
} descriptor;

#define AT(member) YL_MEMBER(descriptor, member)
static const yl_field descriptor_fields[] = {
    {"name", YL_OPTION_STRING, NULL, "", "the kind's name", 0, 0, NULL, NULL, AT(name)},
    {"stem", YL_OPTION_STRING, NULL, "", "of the layers' names", 0, 0, NULL, NULL, AT(stem)},
    {"help", YL_OPTION_STRING, NULL, "", "one line", 0, 0, NULL, NULL, AT(help)},
    {"width", YL_OPTION_STRING, NULL, "", "the option that counts the output's channels", 0, 0, NULL, NULL, AT(width)},
    {"reads", YL_OPTION_ENUM, NULL, "", "what backward reads", 0, 0, "none|x|y|xy", NULL, AT(reads)}, /* yl_reads */
    {"least", YL_OPTION_INT, NULL, "", "fewest inputs", 1, YL_MAX_INPUTS, NULL, NULL, AT(least)},
    {"most", YL_OPTION_INT, NULL, "", "most inputs", 1, YL_MAX_INPUTS, NULL, NULL, AT(most)},
    {"random", YL_OPTION_BOOL, "false", "", "draws numbers in training", 0, 0, NULL, NULL, AT(random)},
    {"tape", YL_OPTION_BOOL, "false", "", "forward is noted, and walked back", 0, 0, NULL, NULL, AT(tape)},
};
static const yl_field_table descriptor_table = YL_FIELD_TABLE("layer", descriptor_fields);
#undef AT

static const char *const parts_of_a_descriptor[] = {
    "fields", "parts", "shape", "parameters", "channels", "flops", "forward", "unwritten", "backward", "loss", NULL};

#define AT(member) YL_MEMBER(yl_field, member)
static const yl_field field_fields[] = {
    {"key", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(key)},
    {"default", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(fallback)},
    {"unit", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(unit)},
    {"help", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(help)},
    {"choices", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(choices)},
    {"aliases", YL_OPTION_STRING, NULL, "", "", 0, 0, NULL, NULL, AT(aliases)},
};
static const yl_field_table field_table = YL_FIELD_TABLE("field", field_fields);
#undef AT

static bool has(lua_State *L, const char *key)
{
    bool there = lua_getfield(L, 1, key) != LUA_TNIL;
    lua_pop(L, 1);
    return there;
}

/* Returns the offset of the field after this one. */
static size_t read_field(lua_State *L, int table, yl_field *f, size_t offset)
{
    *f = (yl_field){.offset = offset};
    yl__read_options(L, table, YL__FILL({&field_table, f}), YL__KEYS("type", "min", "max"));
    lua_getfield(L, table, "type");
    f->type = (yl_option_type)yl__check_option(L, -1, NULL, yl__option_types);
    lua_pop(L, 1);
    yl__read_range(L, table, f);
    f->bytes = yl_option_size(f->type);
    return (offset + f->bytes + 7) / 8 * 8;
}

/* Returns the size of the options. */
static size_t read_fields(lua_State *L, yl__made_kind *k)
{
    size_t bytes = 8;
    lua_getfield(L, 1, "fields");
    for (int64_t i = 0; i < k->table.count; i++) {
        lua_rawgeti(L, -1, i + 1);
        bytes = read_field(L, lua_gettop(L), &k->fields[i], bytes);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return bytes;
}

static const char *const *read_parts(lua_State *L, yl__made_kind *k)
{
    if (!has(L, "parts")) return NULL;
    lua_getfield(L, 1, "parts");
    for (int i = 0; i < YL_MAX_LOSS_PARTS; i++) {
        lua_rawgeti(L, -1, i + 1);
        k->parts[i] = lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return k->parts;
}

static lua_State *layer_thread(lua_State *L)
{
    if (lua_getfield(L, LUA_REGISTRYINDEX, THREAD) != LUA_TTHREAD) {
        lua_pop(L, 1);
        lua_newthread(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, LUA_REGISTRYINDEX, THREAD);
    }
    lua_State *thread = lua_tothread(L, -1);
    lua_pop(L, 1);
    return thread;
}

/* The kind lives until the state closes: a network may use it for as long. */
static yl__made_kind *new_kind(lua_State *L)
{
    lua_getfield(L, 1, "fields");
    int64_t count = yl__length(L, -1);
    lua_pop(L, 1);
    size_t bytes = sizeof(yl__made_kind) + (size_t)count * sizeof(yl_field);
    yl__made_kind *k = lua_newuserdatauv(L, bytes, 2);
    memset(k, 0, bytes);
    luaL_setmetatable(L, KIND_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1);
    lua_newtable(L);
    lua_setiuservalue(L, 2, 2); /* names of parameters */
    k->table.count = count;
    return k;
}

/* Its functions see tensors in host memory. */
static yl_status prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)prepared, (void)needs;
    if (setting->ctx->device->host_memory) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s: a layer written in Lua runs on the CPU; expected device=cpu, got %s",
                    layer->name, setting->ctx->device->name);
}

static void fill_kind(lua_State *L, yl__made_kind *k)
{
    descriptor d;
    yl__read_options(L, 1, YL__FILL({&descriptor_table, &d}), parts_of_a_descriptor);
    k->L = layer_thread(L);
    k->reads = (unsigned)d.reads;
    k->width = d.width;
    k->tape = d.tape;
    k->table = (yl_field_table){d.name, k->fields, k->table.count};
    k->kind = (yl_layer_kind){
        .name = d.name,
        .stem = d.stem,
        .help = d.help,
        .fields = &k->table,
        .options_size = read_fields(L, k),
        .prepared_size = sizeof(yl__layer_tape), /* its address is what the state goes by, too */
        .min_inputs = d.least,
        .max_inputs = d.most,
        .random = d.random,
        .loss_parts = read_parts(L, k),
        .context = k,
        .shape = shape,
        .params = has(L, "parameters") ? params : NULL,
        .flops = has(L, "flops") ? flops : NULL,
        .channels = has(L, "channels") ? channels : NULL,
        .narrow = narrow,
        .reads = has(L, "loss") && !k->tape ? NULL : reads,
        .prepare = prepare,
        .release = yl__layer_forget,
        .forward = yl__layer_forward,
        .backward = has(L, "loss") ? NULL
                    : k->tape      ? yl__layer_walk_back
                                   : yl__layer_backward,
        .loss = has(L, "loss") ? yl__layer_loss : NULL,
    };
}

/* layer.register(descriptor): see lua/yolua/model/layer.lua, which has checked it */
static int layer_register(lua_State *L)
{
    yl__check_type(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    yl__made_kind *k = new_kind(L);
    fill_kind(L, k);
    if (!yl_layer_find(k->kind.name) && yl__section_find(k->kind.name))
        return yl__error(L, "layer '%s': a Darknet section has that name", k->kind.name);
    void *trial = lua_newuserdatauv(L, k->kind.options_size, 0);
    yl__check(L, yl_options_defaults(&k->table, trial));
    yl__check(L, yl_layer_register(&k->kind));
    lua_pushvalue(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, k);
    return 0;
}

static int kind_gone(lua_State *L)
{
    yl__made_kind *k = yl__check_object(L, 1, KIND_CLASS);
    yl_layer_unregister(&k->kind);
    return 0;
}

void yl__bind_layer(lua_State *L)
{
    static const luaL_Reg methods[] = {{"__gc", kind_gone}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"register", layer_register}, {NULL, NULL}};
    yl__class(L, KIND_CLASS, methods);
    lua_newtable(L);
    luaL_setfuncs(L, functions, 0);
    lua_setfield(L, -2, "layer");
}
