/* Layers as layers of ncnn. */
#include "formats/ncnn.h"
#include "core/file.h"
#include "core/memory.h"
#include "formats/ncnn_graph.h"
#include "kernels/activation.formulas.h"
#include "kernels/quant.formulas.h"
#include "net/plan.h"
#include "layers/activation.h"
#include "layers/batchnorm.h"
#include "layers/conv2d.h"
#include "layers/reorg.h"

#include <string.h>

#define INT YL__NCNN_INT
#define FLOAT YL__NCNN_FLOAT

/* BinaryOp's operations. */
enum { ADD = 0, MUL = 2 };

static const char *input(const yl__ncnn *g, int layer, int i)
{
    int from = yl__export_input(g->e, layer, i);
    return from < 0 ? "image" : g->value[from];
}

static const char **output(yl__ncnn *g, int layer)
{
    return &g->value[layer];
}

static yl_shape in_shape(const yl__ncnn *g, int layer, int i)
{
    return yl__export_input_shape(g->e, layer, i);
}

/* A convolution's weights {out, in / groups, kh, kw} and bias as ncnn's layer. */
typedef struct convolution {
    const char *type;
    int64_t out, size, dilation, stride_h, stride_w, pad, groups, count;
    const float *weights, *bias;
    float x_most; /* of |x|, as its bytes have it, where the layer computes with bytes; 0: f32 */
} convolution;

/* Bytes and their factors: ncnn's are signed, without a zero point: q = round(x * 127 / most). */
static yl_status put_bytes(yl__ncnn *g, const convolution *c)
{
    int64_t each = c->count / c->out;
    int8_t *bytes;
    float *factors;
    YL_TRY(yl__export_keep(g->e, c->count + 4, 1, &bytes));
    YL_TRY(yl__export_keep(g->e, c->out + 1, sizeof *factors, &factors));
    for (int64_t o = 0; o < c->out; o++) {
        float scale = yl__quant_weight_scale(c->weights + o * each, each, 1);
        for (int64_t i = o * each; i < (o + 1) * each; i++) bytes[i] = yl__quant_weight(c->weights[i], 1, scale);
        factors[o] = 1 / scale;
    }
    factors[c->out] = YL_QUANT_MOST / c->x_most;
    YL_TRY(yl__ncnn_put_bytes(g, bytes, c->count));
    if (c->bias) YL_TRY(yl__ncnn_put(g, c->bias, c->out, false));
    return yl__ncnn_put(g, factors, c->out + 1, false);
}

static yl_status convolve(yl__ncnn *g, const convolution *c, const char *x, const char **y)
{
    yl__ncnn_layer layer = {.type = c->type,
                            .in = {x},
                            .params = {INT(0, c->out), INT(1, c->size), INT(11, c->size), INT(2, c->dilation),
                                       INT(12, c->dilation), INT(3, c->stride_w), INT(13, c->stride_h), INT(4, c->pad),
                                       INT(14, c->pad), INT(5, c->bias != NULL), INT(6, c->count)}};
    if (c->groups > 1) layer.params[11] = (yl__ncnn_param)INT(7, c->groups);
    if (c->x_most > 0) layer.params[c->groups > 1 ? 12 : 11] = (yl__ncnn_param)INT(8, 1);
    YL_TRY(yl__ncnn_add(g, &layer, y));
    if (c->x_most > 0) return put_bytes(g, c);
    YL_TRY(yl__ncnn_put(g, c->weights, c->count, true));
    return c->bias ? yl__ncnn_put(g, c->bias, c->out, false) : YL_OK;
}

static float most_of_input(const yl__ncnn *g, int layer)
{
    const yl_plan *plan = g->e->options->int8;
    yl_quant q;
    if (!plan || !yl_plan_computes_bytes(plan, layer, &q)) return 0;
    return q.scale * (float)(q.zero > 255 - q.zero ? q.zero : 255 - q.zero);
}

static yl_status conv2d(yl__ncnn *g, int layer)
{
    const yl_conv2d_options *o = g->e->net->layers[layer].options;
    float *w, *b;
    YL_TRY(yl__export_weights(g->e, layer, &w, &b));
    int64_t dilation = o->size == 1 ? 1 : o->dilation;
    convolution c = {.type = o->groups > 1 ? "ConvolutionDepthWise" : "Convolution",
                     .out = o->filters,
                     .size = o->size,
                     .dilation = dilation,
                     .stride_h = o->stride_y ? o->stride_y : o->stride,
                     .stride_w = o->stride_x ? o->stride_x : o->stride,
                     .pad = (o->pad ? o->size / 2 : o->padding) * dilation,
                     .groups = o->groups,
                     .count = o->filters * (in_shape(g, layer, 0).c / o->groups) * o->size * o->size,
                     .weights = w,
                     .bias = b,
                     .x_most = most_of_input(g, layer)};
    return convolve(g, &c, input(g, layer, 0), output(g, layer));
}

static yl_status reshape(yl__ncnn *g, const char *x, int64_t c, int64_t h, int64_t w, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"Reshape", {x}, {INT(0, w), INT(1, h), INT(2, c)}, NULL}, y);
}

/* ncnn flattens the input in the order c, h, w. */
static yl_status connected(yl__ncnn *g, int layer)
{
    yl_shape in = in_shape(g, layer, 0);
    int64_t out = g->e->shapes[layer].c, count = out * in.h * in.w * in.c;
    const char *product = NULL;
    float *w, *b;
    YL_TRY(yl__export_weights(g->e, layer, &w, &b));
    yl__ncnn_layer l = {"InnerProduct", {input(g, layer, 0)}, {INT(0, out), INT(1, b != NULL), INT(2, count)}, NULL};
    YL_TRY(yl__ncnn_add(g, &l, &product));
    YL_TRY(yl__ncnn_put(g, w, count, true));
    if (b) YL_TRY(yl__ncnn_put(g, b, out, false));
    return reshape(g, product, out, 1, 1, output(g, layer));
}

static yl_status batchnorm(yl__ncnn *g, int layer)
{
    static const int order[] = {YL_BN_SCALE, YL_BN_MEAN, YL_BN_VAR, YL_BN_BIAS};
    const yl_batchnorm_options *o = g->e->net->layers[layer].options;
    int64_t c = g->e->shapes[layer].c;
    yl__ncnn_layer l = {"BatchNorm", {input(g, layer, 0)}, {INT(0, c), FLOAT(1, (double)(float)o->eps)}, NULL};
    YL_TRY(yl__ncnn_add(g, &l, output(g, layer)));
    for (int i = 0; i < 4; i++) YL_TRY(yl__ncnn_put(g, yl__export_param(g->e, layer, order[i]), c, false));
    return YL_OK;
}

/* y = x op number */
static yl_status scalar(yl__ncnn *g, int op, const char *x, double number, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"BinaryOp", {x}, {INT(0, op), INT(1, 1), FLOAT(2, number)}, NULL}, y);
}

static yl_status binary(yl__ncnn *g, int op, const char *a, const char *b, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"BinaryOp", {a, b}, {INT(0, op)}, NULL}, y);
}

static yl_status relu(yl__ncnn *g, const char *x, double slope, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"ReLU", {x}, {FLOAT(0, slope)}, NULL}, y);
}

static yl_status clip(yl__ncnn *g, const char *x, double low, double high, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"Clip", {x}, {FLOAT(0, low), FLOAT(1, high)}, NULL}, y);
}

static yl_status plain(yl__ncnn *g, const char *type, const char *x, const char **y)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){type, {x}, {{0}}, NULL}, y);
}

/* y = max(x, 0) + c (c / 2 + 1), c = min(max(x, -2), 0) */
static yl_status hard_mish(yl__ncnn *g, const char *x, const char **y)
{
    const char *c = NULL, *half = NULL, *more = NULL, *curve = NULL, *line = NULL;
    YL_TRY(clip(g, x, -2, 0, &c));
    YL_TRY(scalar(g, MUL, c, 0.5, &half));
    YL_TRY(scalar(g, ADD, half, 1, &more));
    YL_TRY(binary(g, MUL, c, more, &curve));
    YL_TRY(relu(g, x, 0, &line));
    return binary(g, ADD, line, curve, y);
}

static yl_status activate(yl__ncnn *g, const yl_activation_options *o, const char *x, const char **y)
{
    const char *part = NULL;
    switch ((yl_activation)o->activation) {
    case YL_ACT_linear:
        return plain(g, "Noop", x, y);
    case YL_ACT_leaky:
        return relu(g, x, o->slope, y);
    case YL_ACT_relie:
        return relu(g, x, 0.01, y);
    case YL_ACT_relu:
        return relu(g, x, 0, y);
    case YL_ACT_logistic:
        return plain(g, "Sigmoid", x, y);
    case YL_ACT_tanh:
        return plain(g, "TanH", x, y);
    case YL_ACT_swish:
        return plain(g, "Swish", x, y);
    case YL_ACT_mish:
        return plain(g, "Mish", x, y);
    case YL_ACT_elu:
        return yl__ncnn_add(g, &(yl__ncnn_layer){"ELU", {x}, {FLOAT(0, 1)}, NULL}, y);
    case YL_ACT_selu: {
        yl__ncnn_layer l = {"SELU", {x}, {FLOAT(0, YL__SELU_LOW / YL__SELU), FLOAT(1, YL__SELU)}, NULL};
        return yl__ncnn_add(g, &l, y);
    }
    case YL_ACT_gelu:
        return yl__ncnn_add(g, &(yl__ncnn_layer){"GELU", {x}, {INT(0, 1)}, NULL}, y);
    case YL_ACT_hardswish:
        return yl__ncnn_add(g, &(yl__ncnn_layer){"HardSwish", {x}, {FLOAT(0, 1.0 / 6), FLOAT(1, 0.5)}, NULL}, y);
    case YL_ACT_relu6:
        return clip(g, x, 0, 6, y);
    case YL_ACT_hardtan:
        return clip(g, x, -1, 1, y);
    case YL_ACT_hard_mish:
        return hard_mish(g, x, y);
    case YL_ACT_ramp: /* max(x, 0) + x / 10 */
        YL_TRY(relu(g, x, 0.1 / 1.1, &part));
        return scalar(g, MUL, part, 1.1, y);
    case YL_ACT_loggy: /* 2 s(x) - 1 = tanh(x / 2) */
        YL_TRY(scalar(g, MUL, x, 0.5, &part));
        return plain(g, "TanH", part, y);
    }
    return yl__fail(YL_UNSUPPORTED, "ncnn: activation %d is not known", (int)o->activation);
}

/* pad_mode 1: exactly these pads. */
static yl_status pool(yl__ncnn *g, int layer, int type)
{
    int64_t size[2], stride[2], pads[4];
    yl__export_pool(g->e, layer, size, stride, pads);
    yl__ncnn_layer l = {"Pooling",
                        {input(g, layer, 0)},
                        {INT(0, type), INT(1, size[1]), INT(11, size[0]), INT(2, stride[1]), INT(12, stride[0]),
                         INT(3, pads[1]), INT(14, pads[3]), INT(13, pads[0]), INT(15, pads[2]), INT(5, 1), INT(6, 0)},
                        NULL};
    return yl__ncnn_add(g, &l, output(g, layer));
}

static yl_status avgpool(yl__ncnn *g, int layer)
{
    const char *flat = NULL;
    if (yl__export_option(g->e, layer, "size") > 0) return pool(g, layer, 1);
    YL_TRY(yl__ncnn_add(g, &(yl__ncnn_layer){"Pooling", {input(g, layer, 0)}, {INT(0, 1), INT(4, 1)}, NULL}, &flat));
    return reshape(g, flat, g->e->shapes[layer].c, 1, 1, output(g, layer));
}

/* Channels first..first+count-1. */
static yl_status channels(yl__ncnn *g, const char *x, yl_shape s, int64_t first, int64_t count, const char **y)
{
    *y = x;
    if (count == s.c) return YL_OK;
    *y = NULL;
    yl__ncnn_layer l = {
        "Crop", {x}, {INT(0, 0), INT(1, 0), INT(2, first), INT(3, s.w), INT(4, s.h), INT(5, count)}, NULL};
    return yl__ncnn_add(g, &l, y);
}

static yl_status route(yl__ncnn *g, int layer)
{
    const yl_layer *l = &g->e->net->layers[layer];
    int64_t groups = (int64_t)yl__export_option(g->e, layer, "groups");
    int64_t id = (int64_t)yl__export_option(g->e, layer, "group_id");
    yl__ncnn_layer made = {"Concat", {NULL}, {INT(0, 0)}, NULL};
    for (int i = 0; i < l->n_inputs; i++) {
        yl_shape s = in_shape(g, layer, i);
        YL_TRY(channels(g, input(g, layer, i), s, id * (s.c / groups), s.c / groups, &made.in[i]));
    }
    return yl__ncnn_add(g, &made, output(g, layer));
}

/* One filter of one row and column per channel, or f x f with a one in its corner. */
static yl_status pixels(yl__ncnn *g, const char *type, int64_t c, int64_t size, int64_t stride, const char **x)
{
    float *one;
    const char *y = NULL;
    YL_TRY(yl__export_keep(g->e, c * size * size, sizeof *one, &one));
    for (int64_t i = 0; i < c; i++) one[i * size * size] = 1;
    convolution conv = {type, c, size, 1, stride, stride, 0, c, c * size * size, one, NULL, 0};
    YL_TRY(convolve(g, &conv, *x, &y));
    *x = y;
    return YL_OK;
}

/* The sum has the first input's shape (layers/shortcut.c says what becomes of a second one of another shape). */
static yl_status shortcut(yl__ncnn *g, int layer)
{
    yl_shape a = in_shape(g, layer, 0), b = in_shape(g, layer, 1);
    const char *second = input(g, layer, 1), *padded = NULL;
    if (b.c > a.c) YL_TRY(channels(g, second, b, 0, a.c, &second));
    if (b.c < a.c) {
        YL_TRY(yl__ncnn_add(g, &(yl__ncnn_layer){"Padding", {second}, {INT(8, a.c - b.c)}, NULL}, &padded));
        second = padded;
    }
    if (b.h > a.h) YL_TRY(pixels(g, "ConvolutionDepthWise", a.c, 1, b.h / a.h, &second));
    if (b.h < a.h) YL_TRY(pixels(g, "DeconvolutionDepthWise", a.c, a.h / b.h, a.h / b.h, &second));
    return binary(g, ADD, input(g, layer, 0), second, output(g, layer));
}

static yl_status upsample(yl__ncnn *g, int layer)
{
    double stride = yl__export_option(g->e, layer, "stride"), scale = yl__export_option(g->e, layer, "scale");
    const char *larger = NULL;
    yl__ncnn_layer l = {"Interp", {input(g, layer, 0)}, {INT(0, 1), FLOAT(1, stride), FLOAT(2, stride)}, NULL};
    if (scale == 1) return yl__ncnn_add(g, &l, output(g, layer));
    YL_TRY(yl__ncnn_add(g, &l, &larger));
    return scalar(g, MUL, larger, scale, output(g, layer));
}

/* Darknet's order: as formats/onnx_layers.c has it. */
static yl_status reorg(yl__ncnn *g, int layer)
{
    int64_t s = ((const yl_reorg_options *)g->e->net->layers[layer].options)->stride;
    yl_shape in = in_shape(g, layer, 0), out = g->e->shapes[layer];
    const char *wide = NULL, *moved = NULL;
    float *w;
    YL_TRY(yl__export_reorg(g->e, layer, &w));
    YL_TRY(reshape(g, input(g, layer, 0), in.c / (s * s), in.h * s, in.w * s, &wide));
    YL_TRY(convolve(g, &(convolution){"Convolution", in.c, s, 1, s, s, 0, 1, in.c * in.c, w, NULL, 0}, wide, &moved));
    return reshape(g, moved, out.c, out.h, out.w, output(g, layer));
}

static yl_status reorg3d(yl__ncnn *g, int layer)
{
    int64_t s = ((const yl_reorg_options *)g->e->net->layers[layer].options)->stride;
    return yl__ncnn_add(g, &(yl__ncnn_layer){"Reorg", {input(g, layer, 0)}, {INT(0, s), INT(1, 1)}, NULL},
                        output(g, layer));
}

static yl_status softmax(yl__ncnn *g, int layer)
{
    return yl__ncnn_add(g, &(yl__ncnn_layer){"Softmax", {input(g, layer, 0)}, {INT(0, 0), INT(1, 1)}, NULL},
                        output(g, layer));
}

static yl_status put_layer(yl__ncnn *g, int layer)
{
    const yl_layer *l = &g->e->net->layers[layer];
    const yl_layer_kind *k = l->kind;
    if (k == &yl_layer_conv2d) return conv2d(g, layer);
    if (k == &yl_layer_connected) return connected(g, layer);
    if (k == &yl_layer_batchnorm) return batchnorm(g, layer);
    if (k == &yl_layer_activation) return activate(g, l->options, input(g, layer, 0), output(g, layer));
    if (k == &yl_layer_maxpool) return pool(g, layer, 0);
    if (k == &yl_layer_avgpool) return avgpool(g, layer);
    if (k == &yl_layer_route) return route(g, layer);
    if (k == &yl_layer_shortcut) return shortcut(g, layer);
    if (k == &yl_layer_scale_channels || k == &yl_layer_sam)
        return binary(g, MUL, input(g, layer, 1), input(g, layer, 0), output(g, layer));
    if (k == &yl_layer_upsample) return upsample(g, layer);
    if (k == &yl_layer_reorg) return reorg(g, layer);
    if (k == &yl_layer_reorg3d) return reorg3d(g, layer);
    if (k == &yl_layer_softmax) return softmax(g, layer);
    return yl__export_refuse(g->e, layer, "ncnn", k->name);
}

static yl_status put_layers(yl__ncnn *g, const char **entering)
{
    const yl_net *net = g->e->net;
    const char *image = "image";
    yl__ncnn_layer in = {"Input", {NULL}, {INT(0, net->w), INT(1, net->h), INT(2, net->c)}, NULL};
    YL_TRY(yl__export_names(g->e, true, g->value, entering));
    YL_TRY(yl__ncnn_add(g, &in, &image));
    for (int i = 0; i < net->n_layers; i++)
        if (!g->e->left_out[i] && !net->layers[i].kind->head) YL_TRY(put_layer(g, i));
    return YL_OK;
}

/* Outputs bear their layers' names; one whose blob has another name already is passed on under its own. */
static yl_status put_outputs(yl__ncnn *g, const char *const *entering, const char **outputs, int *count)
{
    const yl_net *net = g->e->net;
    for (int i = 0; i < net->n_layers; i++) {
        if (!yl__export_is_output(g->e, i)) continue;
        int from = yl__export_source(g->e, i);
        const char *value = entering[i] ? entering[i] : from < 0 ? "image" : g->value[from];
        const char *name = net->layers[i].name;
        if (strcmp(value, name) != 0) YL_TRY(scalar(g, ADD, value, 0, &name));
        outputs[(*count)++] = name;
    }
    return YL_OK;
}

static yl_status save(yl__ncnn *g, const char *path)
{
    const yl_net *net = g->e->net;
    const char **entering, **outputs;
    int count = 0;
    YL_TRY(yl__export_keep(g->e, net->n_layers + 1, sizeof *g->value, &g->value));
    YL_TRY(yl__export_keep(g->e, net->n_layers + 1, sizeof *entering, &entering));
    YL_TRY(yl__export_keep(g->e, net->n_layers + 1, sizeof *outputs, &outputs));
    YL_TRY(put_layers(g, entering));
    YL_TRY(put_outputs(g, entering, outputs, &count));
    return yl__ncnn_write(g, path, outputs, count);
}

yl_status yl_ncnn_save(const yl_net *net, const char *path, const struct yl_plan *int8)
{
    const yl_export_options options = {.batch = 1, .fold = true, .int8 = int8};
    yl__export e = {0};
    yl__ncnn g = {.e = &e};
    YL_TRY(yl__file_ending(path, ".param", "ncnn's layers"));
    yl_status status = yl__export_open(net, &options, &e);
    if (status == YL_OK) status = save(&g, path);
    yl__free(g.layers), yl__free(g.numbers);
    yl__export_close(&e);
    return status;
}
