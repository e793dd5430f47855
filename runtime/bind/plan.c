/* Plans for Lua: one way to run a network. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "core/memory.h"
#include "net/features.h"

#include <string.h>

/* net:plan{fields of "plan"} */
static int net_plan(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    yl_plan_options options;
    yl__read_options(L, 2, YL__FILL({&yl_plan_fields, &options}), NULL);
    void **box = yl__new_object(L, YL_PLAN_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1); /* the network outlives its plans */
    yl_plan *plan;
    yl__check(L, yl_plan_create(net, &options, &plan));
    *box = plan;
    return 1;
}

static yl_net *plan_net(lua_State *L)
{
    lua_getiuservalue(L, 1, 1);
    yl_net *net = yl__check_net(L, lua_gettop(L));
    lua_pop(L, 1);
    return net;
}

yl_plan *yl__runnable_plan(lua_State *L, int index, const char *what)
{
    yl_plan *plan = yl__check_plan(L, index);
    yl__check(L, yl__plan_runnable(plan, what));
    return plan;
}

static int plan_gone(lua_State *L)
{
    void **box = yl__check_object(L, 1, YL_PLAN_CLASS);
    yl_plan_free(*box);
    *box = NULL;
    return 0;
}

/* plan:close(): not from inside a function of one of the network's layers, nor while its input is lent */
static int plan_close(lua_State *L)
{
    yl__box *box = yl__idle(L, 1, YL_PLAN_CLASS, "close");
    if (box->object) yl__check(L, yl__plan_runnable(box->object, "close"));
    return plan_gone(L);
}

/* Numbers and shape of what C found for a layer; nothing where the plan does not keep it. */
static int push_view(lua_State *L, yl_view view)
{
    if (!view.data) return 0;
    int64_t count = yl_shape_count(view.shape);
    float *values = yl__scratch(L, (size_t)count * sizeof *values);
    yl__check(L, yl_view_read(plan_net(L)->device, view, values));
    yl__push_floats(L, values, count);
    yl__push_shape(L, view.shape);
    return 2;
}

/* plan:input(numbers) */
static int plan_input(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "input");
    if (!yl_plan_has_input(plan)) return yl__error(L, "input: a tail starts at the cut and has no input");
    int64_t count = yl_shape_count(yl_plan_shape(plan, -1));
    float *values = yl__scratch(L, (size_t)count * sizeof *values);
    yl__check_floats(L, 2, values, count, "input");
    yl__check(L, yl_plan_feed(plan, values));
    return 0;
}

/* plan:feed(tensor): the input {n, h, w, c}, a contiguous tensor of f32 on the host */
static int plan_feed(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "feed");
    if (!yl_plan_has_input(plan)) return yl__error(L, "feed: a tail starts at the cut and has no input");
    yl_tensor *t = yl__check_tensor(L, 2);
    int64_t count = yl_shape_count(yl_plan_shape(plan, -1));
    void *data;
    if (t->dtype != YL_F32 || !yl_tensor_contiguous(t) || yl_tensor_count(t) != count)
        return yl__error(L, "feed: expected a contiguous tensor of %d f32 numbers", (int)count);
    yl__check(L, yl_tensor_data(t, &data));
    yl__check(L, yl_plan_feed(plan, data));
    return 0;
}

/* plan:shape(layer) -> {n, h, w, c} of its output; 0: of the input */
static int plan_shape(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl__push_shape(L, yl_plan_shape(plan, yl__check_layer(L, plan_net(L), 2)));
    return 1;
}

/* plan:lend_input() -> a tensor {n, h, w, c} of the input on the host, and what gives it back to the plan, changed or not, and ends
 * the tensor when it is closed: until then plans may run, but nothing may free or remake the network. Nothing for a tail. */
static int plan_lend_input(lua_State *L)
{
    yl_plan *plan = yl__runnable_plan(L, 1, "lend_input");
    yl_net *net = plan_net(L);
    yl_device *host;
    yl_view input;
    void *to;
    if (!yl_plan_has_input(plan)) return 0;
    yl__check(L, yl_plan_output(plan, -1, &input));
    yl_shape s = input.shape;
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &host));
    yl__check(L, yl_tensor_new(host, YL_F32, 4, (int64_t[]){s.n, s.h, s.w, s.c}, box));
    yl__check(L, yl_tensor_data(*box, &to));
    yl__check(L, yl_view_read(net->device, input, to));
    yl__hold_net(L, net, *box);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    yl__working(L, 1, 1);
    return 2;
}

/* plan:forward{seed=, step=, hold_statistics=, statistics_share=} */
static int plan_forward(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_step_info info;
    yl__read_options(L, 2, YL__FILL({&yl_step_info_fields, &info}), NULL);
    yl__check(L, yl_plan_forward(plan, &info));
    return 0;
}

/* plan:output(layer) -> numbers, {n, h, w, c}; nil where the plan does not keep it */
static int plan_output(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_view view;
    int layer = yl__check_layer(L, plan_net(L), 2);
    yl__check(L, yl_plan_output(plan, layer, &view));
    return push_view(L, view);
}

/* plan:gradient(layer) -> numbers, {n, h, w, c}; 0 is the network's input; needs keep=true */
static int plan_gradient(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_view view;
    int layer = yl__check_layer(L, plan_net(L), 2);
    yl__check(L, yl_plan_gradient(plan, layer, &view));
    return push_view(L, view);
}

static void fill_truth_image(lua_State *L, float *rows, const yl_truth *truth, int32_t *count)
{
    int fields = (int)yl_truth_fields(truth);
    *count = (int32_t)lua_rawlen(L, -1);
    for (int64_t r = 0; r < *count && r < truth->cap; r++) {
        lua_rawgeti(L, -1, r + 1);
        yl__check_floats(L, lua_gettop(L), rows + r * fields, fields, "truth row");
        lua_pop(L, 1);
    }
}

/* How many rows the longest image has, and whether the first row has attributes: then all have them. */
static yl_truth measure_truth(lua_State *L, int index, int64_t n)
{
    yl_truth truth = {.n = n, .cap = 1};
    size_t width = 0;
    for (int64_t i = 0; i < n; i++) {
        if (lua_rawgeti(L, index, i + 1) != LUA_TTABLE)
            yl__error(L, "truth: image %d: expected a list of rows, got a %s", (int)i + 1, luaL_typename(L, -1));
        int64_t rows = (int64_t)lua_rawlen(L, -1);
        truth.cap = rows > truth.cap ? rows : truth.cap;
        if (!width && lua_rawgeti(L, -1, 1) == LUA_TTABLE) width = lua_rawlen(L, -1);
        lua_settop(L, index);
    }
    if (width == YL_TRUTH_FIELDS + YL_ATTRIBUTES) truth.attributes = YL_ATTRIBUTES;
    return truth;
}

/* A truth from n lists of rows {cx, cy, w, h, class (0-based), kind}, or of nine numbers with the attributes; memory belongs to userdata
 * left on the stack. */
static yl_truth check_truth(lua_State *L, int index, int64_t n)
{
    yl__check_type(L, index, LUA_TTABLE);
    lua_settop(L, index);
    int64_t images = (int64_t)lua_rawlen(L, index);
    if (images != n) yl__error(L, "truth: expected %d images, got %d", (int)n, (int)images);
    yl_truth truth = measure_truth(L, index, n);
    int64_t image = truth.cap * yl_truth_fields(&truth);
    size_t bytes = (size_t)(n * image) * sizeof(float);
    float *rows = yl__scratch(L, bytes);
    int32_t *counts = yl__scratch(L, (size_t)n * sizeof *counts);
    memset(rows, 0, bytes);
    for (int64_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, i + 1);
        fill_truth_image(L, rows + i * image, &truth, &counts[i]);
        lua_pop(L, 1);
    }
    truth.rows = rows;
    truth.counts = counts;
    return truth;
}

static void push_parts(lua_State *L, const yl_net *net, double (*parts)[YL_MAX_LOSS_PARTS])
{
    lua_newtable(L);
    for (int i = 0, k = 0; i < net->n_layers; i++) {
        const char *const *names = net->layers[i].kind->loss_parts;
        if (!names) continue;
        lua_newtable(L);
        const yl_layer *l = &net->layers[i];
        for (int p = 0; names[p]; p++)
            if (!l->kind->has_part || l->kind->has_part(l, p))
                lua_pushnumber(L, parts[k][p]), lua_setfield(L, -2, names[p]);
        lua_setfield(L, -2, net->layers[i].name);
        k++;
    }
}

int yl__push_loss(lua_State *L, yl_plan *plan, const yl_net *net, const yl_truth *truth, int owner)
{
    double(*parts)[YL_MAX_LOSS_PARTS] = yl__scratch(L, sizeof *parts * (size_t)net->n_layers);
    if (owner) yl__working(L, owner, 1);
    yl_status status = yl_plan_loss(plan, truth, parts);
    if (owner) yl__working(L, owner, -1);
    yl__check(L, status);
    push_parts(L, net, parts);
    return 1;
}

/* plan:loss(batch or list of images' truth rows) -> {region1 = {box = ...}, ...}: sums over the plan's images */
static int plan_loss(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_net *net = plan_net(L);
    int64_t n = yl_plan_get_options(plan)->batch;
    if (lua_istable(L, 2)) {
        yl_truth given = check_truth(L, 2, n);
        return yl__push_loss(L, plan, net, &given, 0);
    }
    yl_truth truth = yl__check_batch(L, 2)->truth;
    if (n > truth.n) return yl__error(L, "loss: expected a batch of at least %d images, got %d", (int)n, (int)truth.n);
    truth.n = n;
    return yl__push_loss(L, plan, net, &truth, 2);
}

/* plan:backward([dy]): adds to the grad slab; dy is the gradient of the last layer's output */
static int plan_backward(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_net *net = plan_net(L);
    float *dy = NULL;
    if (lua_istable(L, 2)) {
        int64_t count = yl__length(L, 2);
        yl_shape shape = yl_plan_shape(plan, net->n_layers - 1);
        if (count != yl_shape_count(shape))
            return yl__error(L, "backward: expected %d numbers, got %d", (int)yl_shape_count(shape), (int)count);
        dy = yl__scratch(L, (size_t)count * sizeof *dy);
        yl__check_floats(L, 2, dy, count, "dy");
    }
    yl__check(L, yl_plan_backward(plan, dy));
    return 0;
}

/* plan:not_finite() -> name of the first layer whose kept output holds a NaN or an infinity, and the image (1-based); or nil */
static int plan_not_finite(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    yl_net *net = plan_net(L);
    yl_ctx ctx = yl__ctx(net->device);
    for (int i = 0; i < net->n_layers; i++) {
        int64_t at = -1;
        yl_view y;
        yl__check(L, yl_plan_output(plan, i, &y));
        yl_flat_geom g = {yl_shape_count(y.shape), y.type};
        if (y.data) yl__check(L, net->device->kernels->find_not_finite(&ctx, &g, y.data, &at));
        if (at < 0) continue;
        lua_pushstring(L, net->layers[i].name);
        lua_pushinteger(L, at / (g.count / y.shape.n) + 1);
        return 2;
    }
    return 0;
}

/* plan:take_cut(body): a tail takes what a body of the same network left at the cut */
static int plan_take_cut(lua_State *L)
{
    yl_plan *tail = yl__runnable_plan(L, 1, "take_cut"), *body = yl__check_plan(L, 2);
    yl_net *net = plan_net(L);
    yl_features *features;
    int64_t batch = yl_plan_get_options(body)->batch, *picks = yl__scratch(L, (size_t)batch * sizeof *picks);
    int32_t *counts = yl__scratch(L, (size_t)batch * sizeof *counts);
    memset(counts, 0, (size_t)batch * sizeof *counts);
    if (batch != yl_plan_get_options(tail)->batch) return yl__error(L, "take_cut: the plans' batches differ");
    yl__check(L, yl_features_create(net->device, body, batch, &features));
    yl_truth none = {.n = batch, .cap = 0, .rows = NULL, .counts = counts};
    yl_status status = YL_OK;
    for (int64_t i = 0; i < batch && status == YL_OK; i++) {
        picks[i] = i;
        status = yl_features_store(features, body, i, &none, i);
    }
    if (status == YL_OK) status = yl_features_load(features, tail, picks);
    yl_features_free(features);
    yl__check(L, status);
    return 0;
}

static int plan_memory(lua_State *L)
{
    yl_plan_memory bytes = yl_plan_bytes(yl__check_plan(L, 1));
    lua_pushinteger(L, (lua_Integer)bytes.arena);
    lua_pushinteger(L, (lua_Integer)bytes.scratch);
    lua_pushinteger(L, (lua_Integer)bytes.packed);
    return 3;
}

/* plan:algorithm(layer, direction) -> name or nil; directions: "forward", "data", "weights" */
static int plan_algorithm(lua_State *L)
{
    static const char *const directions[] = {"forward", "data", "weights", NULL};
    yl_plan *plan = yl__check_plan(L, 1);
    int layer = yl__check_layer(L, plan_net(L), 2);
    lua_pushstring(L, yl_plan_algorithm(plan, layer, yl__check_option(L, 3, "forward", directions)));
    return 1;
}

/* plan:wait(): until the device has done all that was asked of it */
static int plan_wait(lua_State *L)
{
    yl__check_plan(L, 1);
    yl_device *device = plan_net(L)->device;
    yl__check(L, device->sync(device));
    return 0;
}

/* plan:captured() -> how many of forward, losses and backward, and of the optimizer's two parts, a GPU launches as one */
static int plan_captured(lua_State *L)
{
    lua_pushinteger(L, yl_plan_captured(yl__check_plan(L, 1)));
    const yl_net *net = plan_net(L);
    lua_pushinteger(L, (net->squares_graph.captured != NULL) + (net->step_graph.captured != NULL));
    return 2;
}

/* plan:timing(on); plan:seconds(layer) -> forward, backward of the last step */
static int plan_timing(lua_State *L)
{
    yl_plan_timing(yl__check_plan(L, 1), lua_toboolean(L, 2));
    return 0;
}

static int plan_seconds(lua_State *L)
{
    yl_plan *plan = yl__check_plan(L, 1);
    int layer = yl__check_layer(L, plan_net(L), 2);
    lua_pushnumber(L, yl_plan_seconds(plan, layer, false));
    lua_pushnumber(L, yl_plan_seconds(plan, layer, true));
    return 2;
}

/* "plan: infer, 8 images of 416x128" */
static int plan_tostring(lua_State *L)
{
    static const char *const modes[] = {"infer", "train"}, *const parts[] = {"", ", body", ", tail"};
    void **box = yl__check_object(L, 1, YL_PLAN_CLASS);
    if (!*box) {
        lua_pushliteral(L, "plan (closed)");
        return 1;
    }
    const yl_plan_options *o = yl_plan_get_options(*box);
    lua_pushfstring(L, "plan: %s%s, %d image%s of %dx%d", modes[o->mode == YL_TRAIN], parts[o->part], (int)o->batch,
                    o->batch == 1 ? "" : "s", (int)o->w, (int)o->h);
    return 1;
}

void yl__bind_plan(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"shape", plan_shape},         {"lend_input", plan_lend_input},
        {"input", plan_input},         {"feed", plan_feed},
        {"forward", plan_forward},     {"output", plan_output},
        {"gradient", plan_gradient},   {"loss", plan_loss},
        {"backward", plan_backward},   {"memory", plan_memory},
        {"algorithm", plan_algorithm}, {"not_finite", plan_not_finite},
        {"take_cut", plan_take_cut},   {"timing", plan_timing},
        {"seconds", plan_seconds},     {"wait", plan_wait},
        {"captured", plan_captured},   {"close", plan_close},
        {"__tostring", plan_tostring}, {"__gc", plan_gone},
        {"__close", plan_close},       {NULL, NULL},
    };
    static const luaL_Reg of_net[] = {{"plan", net_plan}, {NULL, NULL}};
    yl__class(L, YL_PLAN_CLASS, methods);
    yl__add_methods(L, YL_NET_CLASS, of_net);
    yl__offer_fields(L, &yl_plan_fields);
    yl__offer_fields(L, &yl_step_info_fields);
}
