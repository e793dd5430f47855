/* Batches meet plans: loading images, losses against a batch's truth, detections, and the cached output of a frozen body. */
#include "bind/fields.h"
#include "bind/image_objects.h"
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "core/memory.h"
#include "detect/predict.h"
#include "net/features.h"

#define FEATURES_CLASS "yolua.features"

static yl_net *net_of_plan(lua_State *L, int plan)
{
    lua_getiuservalue(L, plan, 1);
    yl_net *net = yl__check_net(L, lua_gettop(L));
    lua_pop(L, 1);
    return net;
}

static void check_size(lua_State *L, yl_plan *plan, const yl_batch *batch)
{
    const yl_plan_options *o = yl_plan_get_options(plan);
    if (o->batch > batch->n || o->h != batch->h || o->w != batch->w)
        yl__error(L, "a batch of %d images of %dx%d does not fit a plan for %d of %dx%d", (int)batch->n, (int)batch->w,
                  (int)batch->h, (int)o->batch, (int)o->w, (int)o->h);
}

/* plan:load(batch): the batch's first images become the plan's input; a plan for fewer takes the first ones */
static int plan_load(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "load");
    yl__check(L, yl_batch_load(yl__check_batch(L, 2), plan, net_of_plan(L, 1)->device));
    return 0;
}

static void push_attribute(lua_State *L, const yl_attribute *a, double value)
{
    if (a->kind == YL_ATTRIBUTE_CLASSES)
        lua_pushinteger(L, (lua_Integer)value);
    else
        lua_pushnumber(L, value);
}

static void push_detection(lua_State *L, const yl_detection *d, bool origin)
{
    double box[4] = {d->box.x1, d->box.y1, d->box.x2, d->box.y2};
    lua_createtable(L, 0, 3);
    lua_pushinteger(L, d->class_index + 1), lua_setfield(L, -2, "class");
    lua_pushnumber(L, d->score), lua_setfield(L, -2, "score");
    yl__set_numbers(L, "box", box, 4);
    for (int i = 0; i < YL_ATTRIBUTES; i++) {
        yl_attribute a = yl_attribute_at(i);
        if (!yl_attribute_known(&a, d->attributes[i])) continue;
        push_attribute(L, &a, d->attributes[i]);
        lua_setfield(L, -2, a.label);
    }
    if (!origin) return;
    lua_pushinteger(L, d->head + 1), lua_setfield(L, -2, "head");
    lua_pushinteger(L, d->anchor + 1), lua_setfield(L, -2, "anchor");
}

/* What plan:detect takes besides. */
typedef struct origin_option {
    bool origin;
} origin_option;

static const yl_field origin_fields[] = {
    {"origin", YL_OPTION_BOOL, "false", "", "also the head and the anchor of each box", 0, 0, NULL, NULL,
     YL_MEMBER(origin_option, origin)},
};
static const yl_field_table origin_table = YL_FIELD_TABLE("detect", origin_fields);

typedef struct detections {
    yl_detection *list;
    int64_t count;
    bool origin;
} detections;

static int push_list(lua_State *L)
{
    const detections *found = lua_touserdata(L, 1);
    lua_createtable(L, (int)found->count, 0);
    for (int64_t k = 0; k < found->count; k++) {
        push_detection(L, &found->list[k], found->origin);
        lua_rawseti(L, -2, k + 1);
    }
    return 1;
}

/* Pushes the list and frees it. origin: with head and anchor of each. */
static void push_detections(lua_State *L, yl_detection *list, int64_t count, bool origin)
{
    detections found = {list, count, origin};
    int bad = yl__try_push(L, push_list, &found);
    yl__free(list);
    if (bad) lua_error(L);
}

/* Lua's list of batch:places() as a batch without pixels; memory belongs to userdata left on the stack. */
static yl_batch check_places(lua_State *L, int index, const yl_plan_options *o)
{
    int64_t count = yl__length(L, index);
    double(*to_image)[4] = yl__scratch(L, (size_t)count * sizeof *to_image);
    int64_t(*size)[2] = yl__scratch(L, (size_t)count * sizeof *size);
    for (int64_t i = 0; i < count; i++) {
        bool whole = lua_rawgeti(L, index, i + 1) == LUA_TTABLE;
        for (int k = 0; k < 6 && whole; k++) {
            whole = lua_rawgeti(L, -1, k + 1) == LUA_TNUMBER;
            if (k < 4)
                to_image[i][k] = lua_tonumber(L, -1);
            else
                size[i][k - 4] = (int64_t)lua_tonumber(L, -1);
            lua_pop(L, 1);
        }
        if (!whole) yl__error(L, "detect: image %d: expected the six numbers of batch:places()", (int)i + 1);
        lua_pop(L, 1);
    }
    return (yl_batch){.n = count, .count = count, .w = o->w, .h = o->h, .to_image = to_image, .image_size = size};
}

/* plan:detect(batch or batch:places(), {fields of "detect", origin = false}) -> for each real image a list of
 * {class = 1-based, score, box = {x1, y1, x2, y2} in pixels of the image}, with alpha, occluded and truncated where the head predicts
 * them, highest score first; with origin=true also the head and
 * the anchor of that head (its mask's, both 1-based) */
static int plan_detect(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_detect_options o;
    origin_option with;
    yl__read_options(L, 3, YL__FILL({&yl_detect_fields, &o}, {&origin_table, &with}), NULL);
    yl_net *net = net_of_plan(L, 1);
    yl_batch batch = lua_istable(L, 2) ? check_places(L, 2, yl_plan_get_options(plan)) : *yl__check_batch(L, 2);
    check_size(L, plan, &batch);
    lua_createtable(L, (int)batch.count, 0);
    for (int64_t i = 0; i < batch.count && i < yl_plan_get_options(plan)->batch; i++) {
        yl_detection *list;
        int64_t count;
        yl__check(L, yl_detect_image(net, plan, &batch, i, &o, &list, &count));
        push_detections(L, list, count, with.origin);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* The picture that an image object or a tensor holds; its pixels stay theirs. */
static yl_image check_picture(lua_State *L, int index)
{
    const yl_image *image = yl__test_image(L, index);
    if (image) return *image;
    yl_tensor *t = yl__check_tensor(L, index);
    const int64_t *dims = t->dims + (t->n_dims == 4);
    bool fits = t->dtype == YL_U8 && (t->n_dims == 3 || (t->n_dims == 4 && t->dims[0] == 1)) && dims[2] == 3;
    if (!fits || !yl_tensor_contiguous(t)) {
        char what[128];
        yl_tensor_describe(t, what, sizeof what);
        yl__error(L, "predict: expected a picture, u8 {h, w, 3} or {1, h, w, 3} in one piece, got %s", what);
    }
    void *data;
    yl__check(L, yl_tensor_data(t, &data));
    return (yl_image){.w = dims[1], .h = dims[0], .data = data};
}

/* plan:predict(picture, {fields of "detect" and "predict"}) -> its detections; the picture is an image, or a tensor of bytes
 * {h, w, 3} or {1, h, w, 3} */
static int plan_predict(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "predict");
    yl_image picture = check_picture(L, 2);
    yl_predict_options o;
    yl__read_options(L, 3, YL__FILL({&yl_detect_fields, &o.detect}, {&yl_predict_fields, &o}), NULL);
    yl_detection *list;
    int64_t count;
    yl__check(L, yl_predict(net_of_plan(L, 1), plan, &picture, &o, &list, &count));
    push_detections(L, list, count, false);
    return 1;
}

/* core.features_bytes(body plan, samples) -> bytes on the host; 0 where nothing is frozen below the heads */
static int features_bytes(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)yl_features_bytes(yl__check_plan(L, 1), yl__check_integer(L, 2)));
    return 1;
}

/* core.features(body plan, samples) */
static int features_new(lua_State *L)
{
    yl_plan *body = yl__check_plan(L, 1);
    int64_t samples = yl__check_integer(L, 2);
    yl_features *features;
    void **box = yl__new_object(L, FEATURES_CLASS);
    yl__check(L, yl_features_create(net_of_plan(L, 1)->device, body, samples, &features));
    *box = features;
    return 1;
}

static int features_close(lua_State *L)
{
    yl__box *box = yl__idle(L, 1, FEATURES_CLASS, "close");
    yl_features_free(box->object);
    box->object = NULL;
    return 0;
}

/* features:store(body plan, batch): keeps the cut of every real image under its sample's number */
static int features_store(lua_State *L)
{
    yl_features *f = yl__object(L, 1, FEATURES_CLASS);
    yl_plan *body = yl__check_plan(L, 2);
    const yl_batch *batch = yl__check_batch(L, 3);
    for (int64_t i = 0; i < batch->count; i++)
        yl__check(L, yl_features_store(f, body, i, &batch->truth, batch->indices[i]));
    return 0;
}

static int64_t *check_picks(lua_State *L, int index, int64_t *count)
{
    yl__check_type(L, index, LUA_TTABLE);
    *count = yl__length(L, index);
    int64_t *picks = yl__scratch(L, (size_t)*count * sizeof *picks);
    for (int64_t i = 0; i < *count; i++) {
        lua_rawgeti(L, index, i + 1);
        picks[i] = yl__check_integer(L, -1) - 1;
        lua_pop(L, 1);
    }
    return picks;
}

/* features:load(tail plan, {sample numbers}) */
static int features_load(lua_State *L)
{
    yl_features *f = yl__object(L, 1, FEATURES_CLASS);
    yl_plan *tail = yl__runnable_plan(L, 2, "load");
    int64_t count, *picks = check_picks(L, 3, &count);
    if (count != yl_plan_get_options(tail)->batch)
        return yl__error(L, "features: expected %d samples, got %d", (int)yl_plan_get_options(tail)->batch, (int)count);
    yl__check(L, yl_features_load(f, tail, picks));
    return 0;
}

/* features:loss(tail plan, {sample numbers}) -> parts */
static int features_loss(lua_State *L)
{
    yl_features *f = yl__object(L, 1, FEATURES_CLASS);
    int64_t count, *picks = check_picks(L, 3, &count);
    yl_truth truth;
    yl__check(L, yl_features_truth(f, picks, count, &truth));
    return yl__push_loss(L, yl__check_plan(L, 2), net_of_plan(L, 2), &truth, 1);
}

void yl__bind_batches(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"store", features_store},
        {"load", features_load},
        {"loss", features_loss},
        {"close", features_close},
        {"__close", features_close},
        {"__gc", features_close},
        {NULL, NULL},
    };
    static const luaL_Reg of_plan[] = {
        {"load", plan_load}, {"detect", plan_detect}, {"predict", plan_predict}, {NULL, NULL}};
    yl__class(L, FEATURES_CLASS, methods);
    yl__add_methods(L, YL_PLAN_CLASS, of_plan);
    lua_pushcfunction(L, features_new);
    lua_setfield(L, -2, "features");
    lua_pushcfunction(L, features_bytes);
    lua_setfield(L, -2, "features_bytes");
    yl__offer_fields(L, &yl_detect_fields);
    yl__offer_fields(L, &yl_predict_fields);
}
