/* core.layer: kinds of layers whose functions are written in Lua; lua/yolua/model/layer.lua makes and checks the descriptor. Here they
 * are registered, and asked for shapes and parameters; bind/layer_work.c runs them. */
#include "bind/layer_objects.h"
#include "bind/option_objects.h"
#include "formats/darknet_sections.h"

#include <stdio.h>
#include <string.h>

#define KIND_CLASS "yolua.layer_kind"
#define THREAD "yolua.layer_thread" /* registry: the thread that all layers' functions run on */

/* ---- questions --------------------------------------------------------------------------------------------------- */

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

static int64_t integer_field(lua_State *L, const char *key)
{
    int whole;
    lua_getfield(L, -1, key);
    int64_t value = lua_tointegerx(L, -1, &whole);
    if (!whole) yl__error(L, "expected a whole number as '%s', got a %s", key, luaL_typename(L, -1));
    lua_pop(L, 1);
    return value;
}

static bool boolean_field(lua_State *L, const char *key)
{
    lua_getfield(L, -1, key);
    bool value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static int ask_shape(lua_State *L)
{
    yl__layer_call *c = lua_touserdata(L, 1);
    yl__layer_function(L, c, "shape");
    yl__layer_options(L, c->layer);
    push_inputs(L, c);
    lua_call(L, 2, 1);
    c->out->n = c->in[0].n;
    c->out->h = integer_field(L, "h");
    c->out->w = integer_field(L, "w");
    c->out->c = integer_field(L, "c");
    return 0;
}

/* The parameter on top of the stack: {name, kind (0..3), dims, init, init_value} as layer.lua made it. */
static void read_parameter(lua_State *L, yl_param *p)
{
    lua_getfield(L, -1, "name");
    lua_rawgetp(L, LUA_REGISTRYINDEX, yl__made_of(((yl__layer_call *)lua_touserdata(L, 1))->layer));
    lua_getiuservalue(L, -1, 2); /* keeps the names alive */
    lua_pushvalue(L, -3);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
    p->name = lua_tostring(L, -3);
    lua_pop(L, 3);
    p->role = (yl_param_role)integer_field(L, "role");
    p->per_out = boolean_field(L, "per_out");
    p->per_in = boolean_field(L, "per_in");
    p->kind = (yl_param_kind)integer_field(L, "kind");
    p->init = (yl_init)integer_field(L, "init");
    lua_getfield(L, -1, "value");
    p->init_value = (float)lua_tonumber(L, -1);
    lua_getfield(L, -2, "dims");
    p->n_dims = (int)yl__length(L, -1);
    for (int d = 0; d < p->n_dims; d++) {
        lua_rawgeti(L, -1, d + 1);
        p->dims[d] = lua_tointeger(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
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
        read_parameter(L, &c->params[k]);
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

/* {{input =, first =, count =, use =}, ..., parts =, uniform =, zero =}, counted from 0 as layer.lua made it */
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
    answer->parts = integer_field(L, "parts");
    answer->uniform = boolean_field(L, "uniform");
    answer->zero = (yl_zero_rule)integer_field(L, "zero");
    answer->n = (int)yl__length(L, -1);
    for (int i = 0; i < answer->n; i++) {
        lua_rawgeti(L, -1, i + 1);
        answer->at[i] = (yl_source){(int)integer_field(L, "input"), integer_field(L, "first"),
                                    integer_field(L, "count"), (yl_channel_use)integer_field(L, "use")};
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

/* The text in a field of a table; the descriptor keeps it alive. */
static const char *text_at(lua_State *L, int table, const char *key)
{
    lua_getfield(L, table, key);
    const char *text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text;
}

static int integer_at(lua_State *L, const char *key)
{
    lua_getfield(L, 1, key);
    int number = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    return number;
}

static bool has(lua_State *L, const char *key)
{
    bool there = lua_getfield(L, 1, key) != LUA_TNIL;
    lua_pop(L, 1);
    return there;
}

/* Returns the offset of the field after this one. */
static size_t read_field(lua_State *L, int table, yl_field *f, size_t offset)
{
    *f = (yl_field){.key = text_at(L, table, "key"),
                    .fallback = text_at(L, table, "default"),
                    .unit = text_at(L, table, "unit"),
                    .help = text_at(L, table, "help"),
                    .choices = text_at(L, table, "choices"),
                    .aliases = text_at(L, table, "aliases"),
                    .offset = offset};
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
    const char *name = text_at(L, 1, "name");
    k->L = layer_thread(L);
    k->reads = (unsigned)integer_at(L, "reads");
    k->width = text_at(L, 1, "width");
    k->table = (yl_field_table){name, k->fields, k->table.count};
    k->kind = (yl_layer_kind){
        .name = name,
        .stem = text_at(L, 1, "stem"),
        .help = text_at(L, 1, "help"),
        .fields = &k->table,
        .options_size = read_fields(L, k),
        .prepared_size = 1, /* its address is what the state goes by */
        .min_inputs = integer_at(L, "least"),
        .max_inputs = integer_at(L, "most"),
        .random = integer_at(L, "random"),
        .loss_parts = read_parts(L, k),
        .context = k,
        .shape = shape,
        .params = has(L, "parameters") ? params : NULL,
        .flops = has(L, "flops") ? flops : NULL,
        .channels = has(L, "channels") ? channels : NULL,
        .narrow = narrow,
        .reads = reads,
        .prepare = prepare,
        .release = yl__layer_forget,
        .forward = yl__layer_forward,
        .backward = has(L, "loss") ? NULL : yl__layer_backward,
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
