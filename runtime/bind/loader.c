/* The loader for Lua. A batch is valid until the next one is asked for. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "loader/cache.h"
#include "loader/loader.h"

#include <string.h>

#define LOADER_CLASS "yolua.loader"
#define BATCH_CLASS "yolua.batch"

static void fill_row(lua_State *L, float *row, int64_t fields)
{
    if (!lua_istable(L, -1)) yl__error(L, "loader: expected a truth row of numbers, got %s", yl__shown(L, -1));
    for (int k = 0; k < fields; k++) {
        int type = lua_rawgeti(L, -1, k + 1);
        if (type != LUA_TNUMBER && type != LUA_TNIL)
            yl__error(L, "loader: expected numbers in a truth row, got %s", yl__shown(L, -1));
        row[k] = type == LUA_TNIL && k >= YL_SAMPLE_FIELDS ? (float)yl_attribute_at(k - YL_SAMPLE_FIELDS).unknown
                                                           : (float)lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
}

/* Reads {image = path, truth = {{x1, y1, x2, y2, class from 0, kind [, attributes]}, ...}}; rows go into userdata left on the stack. */
static void fill_sample(lua_State *L, int spec, yl_sample *sample, float *rows, int64_t fields)
{
    if (lua_getfield(L, spec, "image") != LUA_TSTRING)
        yl__error(L, "loader: a sample's 'image' is a %s, expected a path", luaL_typename(L, -1));
    sample->path = lua_tostring(L, -1); /* the table keeps the string alive */
    lua_pop(L, 1);
    sample->rows = rows;
    if (lua_getfield(L, spec, "truth") == LUA_TTABLE)
        for (int32_t i = 0; i < sample->count; i++) {
            lua_rawgeti(L, -1, i + 1);
            fill_row(L, rows + i * fields, fields);
            lua_pop(L, 1);
        }
    lua_pop(L, 1);
}

static int32_t truth_length(lua_State *L, int spec)
{
    int32_t n = lua_getfield(L, spec, "truth") == LUA_TTABLE ? (int32_t)yl__length(L, -1) : 0;
    lua_pop(L, 1);
    return n;
}

static yl_sample *check_samples(lua_State *L, int64_t fields, int64_t *count)
{
    lua_getfield(L, 1, "samples");
    if (!lua_istable(L, -1)) yl__error(L, "loader: expected a list of samples, got %s", luaL_typename(L, -1));
    int list = lua_gettop(L);
    *count = yl__length(L, list);
    yl_sample *samples = yl__scratch(L, (size_t)*count * sizeof *samples);
    int64_t rows = 0;
    for (int64_t i = 0; i < *count; i++) {
        if (lua_rawgeti(L, list, i + 1) != LUA_TTABLE)
            yl__error(L, "loader: expected sample %I as a table, got %s", (LUAI_UACINT)i + 1, yl__shown(L, -1));
        samples[i].count = truth_length(L, lua_gettop(L));
        rows += samples[i].count;
        lua_pop(L, 1);
    }
    float *row = yl__scratch(L, (size_t)(rows * fields) * sizeof *row);
    for (int64_t i = 0; i < *count; i++) {
        lua_rawgeti(L, list, i + 1);
        fill_sample(L, lua_gettop(L), &samples[i], row, fields);
        row += samples[i].count * fields;
        lua_pop(L, 1);
    }
    return samples;
}

static void check_sizes(lua_State *L, yl_loader_options *o)
{
    if (lua_getfield(L, 1, "sizes") == LUA_TTABLE) {
        int64_t n = yl__length(L, -1);
        if (n > YL_LOADER_SIZES) yl__error(L, "loader: at most %d sizes, got %d", YL_LOADER_SIZES, (int)n);
        for (o->n_sizes = 0; o->n_sizes < n; o->n_sizes++) {
            lua_rawgeti(L, -1, o->n_sizes + 1);
            for (int k = 0; k < 2; k++) {
                lua_rawgeti(L, -1, k + 1);
                o->sizes[o->n_sizes][k] = yl__check_integer(L, -1);
                if (o->sizes[o->n_sizes][k] < 1 || o->sizes[o->n_sizes][k] > 65536)
                    yl__error(L, "loader: 'sizes': expected sides in 1..65536, got %I",
                              (LUAI_UACINT)o->sizes[o->n_sizes][k]);
                lua_pop(L, 1);
            }
            lua_pop(L, 1);
        }
    }
    lua_pop(L, 1);
}

/* The options' other name is Lua's: which augmentations there are. */
static yl_augment_options check_augment(lua_State *L)
{
    yl_augment_options a = yl_augment_off;
    if (lua_getfield(L, 1, "augment") != LUA_TNIL)
        yl__read_options(L, lua_gettop(L), YL__FILL({&yl_augment_fields, &a}), YL__KEYS("name"));
    lua_pop(L, 1);
    return a;
}

/* core.loader{fields of "loader", samples = {{image =, truth =}, ...}, sizes = {{w, h}, ...}, augment = {fields of "augment"},
 * net: the network whose device makes the images (default: the host)} */
static int loader_new(lua_State *L)
{
    yl_loader_options options = {0};
    yl__read_options(L, 1, YL__FILL({&yl_loader_fields, &options}), YL__KEYS("samples", "sizes", "augment", "net"));
    check_sizes(L, &options);
    if (lua_getfield(L, 1, "net") != LUA_TNIL) options.device = yl__check_net(L, lua_gettop(L))->device;
    lua_pop(L, 1);
    options.augment = check_augment(L);
    int64_t count;
    const yl_sample *samples = check_samples(L, yl_sample_fields(&options), &count);
    yl_loader *loader;
    void **box = yl__new_object(L, LOADER_CLASS);
    yl__check(L, yl_loader_create(samples, count, &options, &loader));
    *box = loader;
    return 1;
}

/* The batch that was handed out points into the loader: it is closed with it. */
static int loader_close(lua_State *L)
{
    void **box = yl__check_object(L, 1, LOADER_CLASS);
    if (lua_getiuservalue(L, 1, 1) == LUA_TUSERDATA) yl__idle(L, lua_gettop(L), BATCH_CLASS, "close")->object = NULL;
    yl_loader_free(*box);
    *box = NULL;
    return 0;
}

/* The batch object of the loader is one: its pointer moves on with each call of next, and is NULL after the last. */
static yl__box *batch_object(lua_State *L, const char *what)
{
    if (lua_getiuservalue(L, 1, 1) == LUA_TNIL) {
        lua_pop(L, 1);
        yl__new_object(L, BATCH_CLASS);
        lua_pushvalue(L, 1);
        lua_setiuservalue(L, -2, 1); /* the batch keeps its loader alive */
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, 1);
    }
    return yl__idle(L, lua_gettop(L), BATCH_CLASS, what);
}

/* loader:epoch(e [, first = 1]) */
static int loader_epoch(lua_State *L)
{
    yl_loader *loader = yl__object(L, 1, LOADER_CLASS);
    int64_t first = yl__opt_integer(L, 3, 1);
    yl__arg_check(L, first >= 1, 3, "expected a batch number from 1");
    batch_object(L, "epoch")->object = NULL;
    yl_loader_epoch(loader, yl__check_integer(L, 2), first - 1);
    return 0;
}

/* loader:next() -> batch, or nil at the epoch's end (or when the user asked to stop) */
static int loader_next(lua_State *L)
{
    yl_loader *loader = yl__object(L, 1, LOADER_CLASS);
    yl__box *box = batch_object(L, "next");
    const yl_batch *batch;
    box->object = NULL;
    yl__check(L, yl_loader_next(loader, &batch));
    memcpy(&box->object, &batch, sizeof batch);
    if (!batch) lua_pushnil(L);
    return 1;
}

/* loader:stats() -> {decoded, served, bad, cache_bytes, slots, slot_bytes, resident_bytes, device_bytes, waited_s} */
static int loader_stats(lua_State *L)
{
    yl_loader_stats s = yl_loader_get_stats(yl__object(L, 1, LOADER_CLASS));
    lua_createtable(L, 0, 9);
    lua_pushinteger(L, s.decoded), lua_setfield(L, -2, "decoded");
    lua_pushinteger(L, s.served), lua_setfield(L, -2, "served");
    lua_pushinteger(L, s.bad), lua_setfield(L, -2, "bad");
    lua_pushinteger(L, s.cache_bytes), lua_setfield(L, -2, "cache_bytes");
    lua_pushinteger(L, s.slots), lua_setfield(L, -2, "slots");
    lua_pushinteger(L, s.slot_bytes), lua_setfield(L, -2, "slot_bytes");
    lua_pushinteger(L, s.resident_bytes), lua_setfield(L, -2, "resident_bytes");
    lua_pushinteger(L, s.device_bytes), lua_setfield(L, -2, "device_bytes");
    lua_pushnumber(L, s.waited), lua_setfield(L, -2, "waited_s");
    return 1;
}

const yl_batch *yl__check_batch(lua_State *L, int index)
{
    return yl__object(L, index, BATCH_CLASS);
}

/* batch.n, .count, .w, .h; otherwise a method */
static int batch_index(lua_State *L)
{
    const char *key = yl__check_string(L, 2);
    if (luaL_getmetafield(L, 1, "methods") != LUA_TNIL) {
        lua_getfield(L, -1, key);
        if (!lua_isnil(L, -1)) return 1;
    }
    const yl_batch *b = yl__check_batch(L, 1);
    if (strcmp(key, "n") == 0)
        lua_pushinteger(L, b->n);
    else if (strcmp(key, "count") == 0)
        lua_pushinteger(L, b->count);
    else if (strcmp(key, "w") == 0)
        lua_pushinteger(L, b->w);
    else if (strcmp(key, "h") == 0)
        lua_pushinteger(L, b->h);
    else
        return yl__error(
            L, "a batch has no '%s'; expected n, count, w, h, indices, sizes, places, failures, unmap, truth or pixels",
            key);
    return 1;
}

/* batch:indices() -> sample numbers of the real images, from 1 */
static int batch_indices(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    lua_createtable(L, (int)b->count, 0);
    for (int64_t i = 0; i < b->count; i++) lua_pushinteger(L, b->indices[i] + 1), lua_rawseti(L, -2, i + 1);
    return 1;
}

/* batch:sizes() -> {{width, height}, ...} of the real images as they were in their files */
static int batch_sizes(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    lua_createtable(L, (int)b->count, 0);
    for (int64_t i = 0; i < b->count; i++) {
        lua_createtable(L, 2, 0);
        for (int k = 0; k < 2; k++) lua_pushinteger(L, b->image_size[i][k]), lua_rawseti(L, -2, k + 1);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* batch:failures() -> {[slot from 1] = sentence} of the real images that could not be read */
static int batch_failures(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    lua_newtable(L);
    for (int64_t i = 0; i < b->count; i++)
        if (b->failures[i]) lua_pushstring(L, b->failures[i]), lua_rawseti(L, -2, i + 1);
    return 1;
}

/* batch:places() -> {{a, b, c, d, width, height}, ...} of the real images: x = a u + b and y = c v + d lead from fractions of the
 * input to pixels of the image. For plan:detect over what is no batch any more. */
static int batch_places(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    lua_createtable(L, (int)b->count, 0);
    for (int64_t i = 0; i < b->count; i++) {
        lua_createtable(L, 6, 0);
        for (int k = 0; k < 4; k++) lua_pushnumber(L, b->to_image[i][k]), lua_rawseti(L, -2, k + 1);
        for (int k = 0; k < 2; k++) lua_pushinteger(L, b->image_size[i][k]), lua_rawseti(L, -2, k + 5);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int64_t check_slot(lua_State *L, const yl_batch *b)
{
    int64_t i = yl__check_integer(L, 2);
    yl__arg_check(L, i >= 1 && i <= b->n, 2, "no such image in the batch");
    return i - 1;
}

/* batch:unmap(i, {x1, y1, x2, y2} in fractions of the input) -> {x1, y1, x2, y2} in pixels of the image */
static int batch_unmap(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    int64_t i = check_slot(L, b);
    float box[4];
    yl__check_floats(L, 3, box, 4, "box");
    yl_box out = yl_batch_unmap(b, i, (yl_box){box[0], box[1], box[2], box[3]});
    double values[4] = {out.x1, out.y1, out.x2, out.y2};
    lua_createtable(L, 4, 0);
    for (int k = 0; k < 4; k++) lua_pushnumber(L, values[k]), lua_rawseti(L, -2, k + 1);
    return 1;
}

/* batch:truth(i) -> rows {cx, cy, w, h, class from 0, kind [, alpha, occluded, truncated]} */
static int batch_truth(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    int64_t i = check_slot(L, b);
    lua_createtable(L, b->truth.counts[i], 0);
    for (int32_t r = 0; r < b->truth.counts[i]; r++) {
        yl__push_floats(L, yl_truth_row(&b->truth, i, r), yl_truth_fields(&b->truth));
        lua_rawseti(L, -2, r + 1);
    }
    return 1;
}

/* batch:pixels(i) -> the numbers of one image, {h, w, 3} in order */
static int batch_pixels(lua_State *L)
{
    const yl_batch *b = yl__check_batch(L, 1);
    int64_t size = b->w * b->h * 3, i = check_slot(L, b);
    float *pixels = yl__scratch(L, (size_t)size * sizeof *pixels);
    yl__check(L, yl_batch_pixels(b, i, pixels));
    yl__push_floats(L, pixels, size);
    return 1;
}

void yl__bind_loader(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"epoch", loader_epoch},
        {"next", loader_next},
        {"stats", loader_stats},
        {"close", loader_close},
        {"__gc", loader_close},
        {"__close", loader_close},
        {NULL, NULL},
    };
    static const luaL_Reg batch_methods[] = {
        {"indices", batch_indices}, {"sizes", batch_sizes},   {"unmap", batch_unmap},       {"truth", batch_truth},
        {"pixels", batch_pixels},   {"places", batch_places}, {"failures", batch_failures}, {NULL, NULL},
    };
    static const luaL_Reg batch_meta[] = {{"__index", batch_index}, {NULL, NULL}};
    yl__class(L, LOADER_CLASS, methods);
    yl__class(L, BATCH_CLASS, batch_meta);
    luaL_getmetatable(L, BATCH_CLASS);
    luaL_newlib(L, batch_methods);
    lua_setfield(L, -2, "methods");
    lua_pop(L, 1);
    lua_pushcfunction(L, loader_new);
    lua_setfield(L, -2, "loader");
    yl__offer_fields(L, &yl_loader_fields);
    yl__offer_fields(L, &yl_augment_fields);
}
