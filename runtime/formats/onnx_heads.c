/* Boxes and scores of ONNX, by the formulas of core/box.h and kernels/head.formulas.h. */
#include "formats/onnx_heads.h"
#include "layers/heads.h"

#include <string.h>

/* One head while it is decoded: its layout, and its predictions as {batch, n, numbers of each}. */
typedef struct decoder {
    yl__onnx *g;
    const yl_layer *layer;
    yl_head_geom head;
    int64_t count; /* n = rows * columns * anchors */
    const char *entries;
} decoder;

static yl_status node2(yl__onnx *g, const char *op, const char *a, const char *b, const char **y)
{
    *y = NULL;
    return yl__onnx_add(g, &(yl__onnx_node){op, {a, b}, {{0}}}, y);
}

static yl_status constant(decoder *d, const float *numbers, const char **name)
{
    YL_TRY(yl__onnx_text(d->g, name, "constant_%lld", (long long)++d->g->made));
    return yl__onnx_numbers(d->g, *name, 3, (int64_t[]){1, d->count, 2}, numbers);
}

/* {batch, anchors * numbers of each, rows, columns} to {batch, rows * columns * anchors, numbers of each}. */
static yl_status in_rows(decoder *d, const char *x)
{
    const char *last = NULL, *shape;
    const yl__onnx_attribute order = {.name = "perm", .type = YL__ONNX_LIST, .ints = {0, 2, 3, 1}, .count = 4};
    YL_TRY(yl__onnx_add(d->g, &(yl__onnx_node){"Transpose", {x}, {order}}, &last));
    YL_TRY(yl__onnx_ints(d->g, 3, (int64_t[]){d->head.n, d->count, yl_head_size(&d->head)}, &shape));
    return node2(d->g, "Reshape", last, shape, &d->entries);
}

/* Numbers first..first+count-1 of each prediction, after the logistic function where `logistic` says so. */
static yl_status part(decoder *d, int64_t first, int64_t count, bool logistic, const char **y)
{
    const char *start, *end, *axis, *raw = NULL;
    YL_TRY(yl__onnx_ints(d->g, 1, &first, &start));
    YL_TRY(yl__onnx_ints(d->g, 1, &(int64_t){first + count}, &end));
    YL_TRY(yl__onnx_ints(d->g, 1, &(int64_t){2}, &axis));
    YL_TRY(yl__onnx_add(d->g, &(yl__onnx_node){"Slice", {d->entries, start, end, axis}, {{0}}}, &raw));
    *y = raw;
    if (!logistic || d->head.new_coords) return YL_OK;
    *y = NULL;
    return yl__onnx_add(d->g, &(yl__onnx_node){"Sigmoid", {raw}, {{0}}}, y);
}

/* What the decoding of x, y, w and h multiplies by and adds, {n, 2} each, in pixels: probed from the head's own formula, which is linear in
 * x and y, and proportional to what becomes of w and h. */
static yl_status factors(decoder *d, float **scale, float **offset, float **anchor)
{
    const yl_net *net = d->g->e->net;
    double size[2] = {(double)net->w, (double)net->h}, zero[4], one[4];
    YL_TRY(yl__export_keep(d->g->e, 2 * d->count, sizeof(float), scale));
    YL_TRY(yl__export_keep(d->g->e, 2 * d->count, sizeof(float), offset));
    YL_TRY(yl__export_keep(d->g->e, 2 * d->count, sizeof(float), anchor));
    const float half = d->head.new_coords ? 0.5f : 0;
    const float nothing[YL_HEAD_BOX] = {0, 0, half, half, 0};
    const float all[YL_HEAD_BOX] = {1, 1, nothing[2], nothing[3], 0};
    for (int64_t i = 0; i < d->count; i++) {
        int a = (int)(i % d->head.anchors);
        int64_t cell = i / d->head.anchors;
        yl_cell at = {cell % d->head.w, cell / d->head.w, d->head.w, d->head.h};
        d->layer->kind->head->decode(d->layer, nothing, a, at, size[0], size[1], zero);
        d->layer->kind->head->decode(d->layer, all, a, at, size[0], size[1], one);
        for (int k = 0; k < 2; k++) {
            (*scale)[2 * i + k] = (float)((one[k] - zero[k]) * size[k]);
            (*offset)[2 * i + k] = (float)(zero[k] * size[k]);
            (*anchor)[2 * i + k] = (float)(zero[2 + k] * size[k]);
        }
    }
    return YL_OK;
}

/* exp(w), clamped as yl__decode_exp does; with new_coords (2 w)^2. */
static yl_status size_factor(decoder *d, const char *w, const char **y)
{
    const char *low, *high, *bounded = NULL;
    if (d->head.new_coords) {
        YL_TRY(node2(d->g, "Add", w, w, &bounded));
        return node2(d->g, "Mul", bounded, bounded, y);
    }
    YL_TRY(yl__onnx_float(d->g, -YL_DECODE_LIMIT, &low));
    YL_TRY(yl__onnx_float(d->g, YL_DECODE_LIMIT, &high));
    YL_TRY(yl__onnx_add(d->g, &(yl__onnx_node){"Clip", {w, low, high}, {{0}}}, &bounded));
    *y = NULL;
    return yl__onnx_add(d->g, &(yl__onnx_node){"Exp", {bounded}, {{0}}}, y);
}

static yl_status boxes(decoder *d, const char **y)
{
    float *scale, *offset, *anchor;
    const char *c[3], *xy, *wh, *moved, *centre, *ratio, *size, *half, *number, *corner[2];
    YL_TRY(factors(d, &scale, &offset, &anchor));
    YL_TRY(constant(d, scale, &c[0]));
    YL_TRY(constant(d, offset, &c[1]));
    YL_TRY(constant(d, anchor, &c[2]));
    YL_TRY(part(d, 0, 2, true, &xy));
    YL_TRY(node2(d->g, "Mul", xy, c[0], &moved));
    YL_TRY(node2(d->g, "Add", moved, c[1], &centre));
    YL_TRY(part(d, 2, 2, false, &wh));
    YL_TRY(size_factor(d, wh, &ratio));
    YL_TRY(node2(d->g, "Mul", ratio, c[2], &size));
    YL_TRY(yl__onnx_float(d->g, 0.5, &number));
    YL_TRY(node2(d->g, "Mul", size, number, &half));
    YL_TRY(node2(d->g, "Sub", centre, half, &corner[0]));
    YL_TRY(node2(d->g, "Add", centre, half, &corner[1]));
    *y = NULL;
    const yl__onnx_attribute axis = {.name = "axis", .type = YL__ONNX_INT, .ints = {2}};
    return yl__onnx_add(d->g, &(yl__onnx_node){"Concat", {corner[0], corner[1]}, {axis}}, y);
}

/* Objectness times each class. */
static yl_status scores(decoder *d, const char **y)
{
    const char *object, *classes, *share;
    YL_TRY(part(d, 4, 1, true, &object));
    YL_TRY(part(d, YL_HEAD_BOX, d->head.classes, !d->head.softmax, &classes));
    share = classes;
    if (d->head.softmax) {
        const yl__onnx_attribute axis = {.name = "axis", .type = YL__ONNX_INT, .ints = {2}};
        share = NULL;
        YL_TRY(yl__onnx_add(d->g, &(yl__onnx_node){"Softmax", {classes}, {axis}}, &share));
    }
    return node2(d->g, "Mul", object, share, y);
}

/* The heads' parts one after another, as an output of the graph. */
static yl_status joined(yl__onnx *g, yl__onnx_node *parts, int count, int64_t last, int64_t n, const char *name)
{
    parts->op = count == 1 ? "Identity" : "Concat";
    if (count > 1) parts->attributes[0] = (yl__onnx_attribute){.name = "axis", .type = YL__ONNX_INT, .ints = {1}};
    YL_TRY(yl__onnx_add(g, parts, &name));
    return yl__onnx_value(g, false, name, false, 3, (int64_t[]){g->e->options->batch, n, last});
}

static yl_status suppress(yl__onnx *g, int64_t n)
{
    const char *by_class = NULL, *most, *iou, *conf, *name = "selected";
    const yl__onnx_attribute order = {.name = "perm", .type = YL__ONNX_LIST, .ints = {0, 2, 1}, .count = 3};
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Transpose", {"scores"}, {order}}, &by_class));
    YL_TRY(yl__onnx_ints(g, 1, &n, &most));
    YL_TRY(yl__onnx_floats(g, 1, &(float){(float)g->e->options->iou}, &iou));
    YL_TRY(yl__onnx_floats(g, 1, &(float){(float)g->e->options->conf}, &conf));
    yl__onnx_node node = {"NonMaxSuppression", {"boxes", by_class, most, iou, conf}, {{0}}};
    YL_TRY(yl__onnx_add(g, &node, &name));
    return yl__onnx_value(g, false, name, true, 2, (int64_t[]){-1, 3});
}

static yl_status check_suppression(const yl__onnx *g, int layer)
{
    const yl_layer *l = &g->e->net->layers[layer];
    if (g->e->options->heads != YL_EXPORT_NMS || !l->kind->head->suppression_beta) return YL_OK;
    if (!(l->kind->head->suppression_beta(l) > 0)) return YL_OK;
    return yl__fail(YL_UNSUPPORTED,
                    "%s: its cfg asks for suppression by distance (nms_kind, beta_nms), which ONNX does not have: "
                    "expected heads=boxes or heads=raw",
                    l->name);
}

yl_status yl__onnx_decode(yl__onnx *g, const char *const *entering)
{
    const yl_net *net = g->e->net;
    yl__onnx_node all_boxes = {0}, all_scores = {0};
    int64_t n = 0, classes = 0;
    int heads = 0;
    for (int i = 0; i < net->n_layers; i++) {
        const yl_layer *l = &net->layers[i];
        if (!l->kind->head) continue;
        if (heads == YL__ONNX_INPUTS - 1)
            return yl__fail(YL_UNSUPPORTED, "ONNX: expected at most %d heads to decode", YL__ONNX_INPUTS - 1);
        YL_TRY(check_suppression(g, i));
        decoder d = {g, l, l->kind->head->geometry(l, g->e->shapes[i], YL_F32), 0, NULL};
        d.count = d.head.h * d.head.w * d.head.anchors;
        if (heads && classes != d.head.classes)
            return yl__fail(YL_UNSUPPORTED, "%s: heads of %lld and %d classes cannot be decoded into one list", l->name,
                            (long long)classes, (int)d.head.classes);
        classes = d.head.classes, n += d.count;
        YL_TRY(in_rows(&d, entering[i]));
        YL_TRY(boxes(&d, &all_boxes.in[heads]));
        YL_TRY(scores(&d, &all_scores.in[heads++]));
    }
    if (!heads) return yl__fail(YL_INVALID, "the network has no detection head to decode: expected heads=raw");
    YL_TRY(joined(g, &all_boxes, heads, 4, n, "boxes"));
    YL_TRY(joined(g, &all_scores, heads, classes, n, "scores"));
    return g->e->options->heads == YL_EXPORT_NMS ? suppress(g, n) : YL_OK;
}
