/* core.export: a network as a file of another program. */
#include "bind/fields.h"
#include "bind/net_objects.h"
#include "bind/notes.h"
#include "bind/tensor_objects.h"
#include "backend/device.h"
#include "core/memory.h"
#include "formats/ncnn.h"
#include "formats/onnx.h"
#include "formats/state_dict.h"

#include <string.h>

/* The plan of precision int8 at `index`, or none. */
static const yl_plan *opt_plan(lua_State *L, int index)
{
    return lua_isnoneornil(L, index) ? NULL : yl__check_plan(L, index);
}

/* core.export.onnx(net, path, {fields of "export"}, {key = text, ...} [, plan]): the notes are written in the order of their keys; what the
 * plan, of precision int8, computes with bytes is written so */
static int export_onnx(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_export_options o;
    yl_safetensors_note notes[YL__NOTES];
    yl__read_options(L, 3, YL__FILL({&yl_export_fields, &o}), NULL);
    int64_t count = yl__check_notes(L, 4, notes);
    o.int8 = opt_plan(L, 5);
    yl__check(L, yl_onnx_save(net, path, &o, notes, count));
    return 0;
}

/* core.export.ncnn(net, path [, plan]) */
static int export_ncnn(lua_State *L)
{
    yl__check(L, yl_ncnn_save(yl__check_net(L, 1), yl__check_string(L, 2), opt_plan(L, 3)));
    return 0;
}

/* core.export.state_dict(net, path, {key = text, ...}): formats/state_dict.h says what the file holds */
static int export_state_dict(lua_State *L)
{
    yl_net *net = yl__check_net(L, 1);
    const char *path = yl__check_string(L, 2);
    yl_safetensors_note notes[YL__NOTES];
    int64_t count = yl__check_notes(L, 3, notes);
    yl__check(L, yl_state_dict_save(net, path, notes, count));
    return 0;
}

/* One head's boxes and scores of every image, in the order of rows, columns and anchors. */
static yl_status decode(const yl_net *net, yl_plan *plan, int layer, float *boxes, float *scores, int64_t total,
                        int64_t first)
{
    const yl_layer *l = &net->layers[layer];
    yl_view y;
    YL_TRY(yl_plan_output(plan, layer, &y));
    yl_head_geom head = l->kind->head->geometry(l, y.shape, YL_F32);
    float *numbers, *entry;
    YL_TRY(yl__alloc(yl_shape_count(y.shape), sizeof *numbers, &numbers));
    yl_status status = yl_view_read(net->device, y, numbers);
    entry = numbers;
    int64_t count = y.shape.h * y.shape.w * head.anchors;
    for (int64_t i = 0; status == YL_OK && i < y.shape.n * count; i++, entry += yl_head_size(&head)) {
        int64_t at = i / count * total + first + i % count, cell = i % count / head.anchors;
        yl_cell place = {cell % y.shape.w, cell / y.shape.w, y.shape.w, y.shape.h};
        double box[4];
        l->kind->head->decode(l, entry, (int)(i % head.anchors), place, (double)net->w, (double)net->h, box);
        yl_box b = yl_box_corners(box);
        const double corners[4] = {b.x1 * (double)net->w, b.y1 * (double)net->h, b.x2 * (double)net->w,
                                   b.y2 * (double)net->h};
        for (int k = 0; k < 4; k++) boxes[4 * at + k] = (float)corners[k];
        for (int k = 0; k < head.classes; k++) scores[at * head.classes + k] = entry[4] * entry[YL_HEAD_BOX + k];
    }
    yl__free(numbers);
    return status;
}

static float *push_numbers(lua_State *L, int64_t n, int64_t rows, int64_t columns)
{
    yl_device *cpu;
    void *data;
    yl_tensor **box = yl__new_tensor(L);
    yl__check(L, yl_device_get("cpu", &cpu));
    yl__check(L, yl_tensor_new(cpu, YL_F32, 3, (int64_t[]){n, rows, columns}, box));
    yl__check(L, yl_tensor_data(*box, &data));
    return data;
}

/* core.export.decoded(net, plan) -> boxes {n, count, 4} in pixels of the input and scores {n, count, classes} of all heads, as an export with
 * heads=boxes gives them; the plan is the network's and has run, with keep */
static int export_decoded(lua_State *L)
{
    const yl_net *net = yl__check_net(L, 1);
    yl_plan *plan = yl__check_plan(L, 2);
    int64_t total = 0, classes = 0, first = 0, n = yl_plan_shape(plan, -1).n;
    for (int i = 0; i < net->n_layers; i++) {
        if (!net->layers[i].kind->head) continue;
        yl_shape s = yl_plan_shape(plan, i);
        yl_head_geom head = net->layers[i].kind->head->geometry(&net->layers[i], s, YL_F32);
        total += s.h * s.w * head.anchors, classes = head.classes;
    }
    float *boxes = push_numbers(L, n, total, 4), *scores = push_numbers(L, n, total, classes);
    for (int i = 0; i < net->n_layers; i++) {
        if (!net->layers[i].kind->head) continue;
        yl_shape s = yl_plan_shape(plan, i);
        yl__check(L, decode(net, plan, i, boxes, scores, total, first));
        first += s.h * s.w * net->layers[i].kind->head->geometry(&net->layers[i], s, YL_F32).anchors;
    }
    return 2;
}

/* core.export.available(format) -> whether this build can write it */
static int export_available(lua_State *L)
{
    lua_pushboolean(L, strcmp(yl__check_string(L, 1), "onnx") != 0 || yl_onnx_available());
    return 1;
}

void yl__bind_export(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"onnx", export_onnx},       {"ncnn", export_ncnn},           {"state_dict", export_state_dict},
        {"decoded", export_decoded}, {"available", export_available}, {NULL, NULL}};
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "export");
    yl__offer_fields(L, &yl_export_fields);
}
