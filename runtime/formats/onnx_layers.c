/* Layers as nodes of ONNX, operators of version 13 to 17. */
#include "formats/onnx_layers.h"
#include "formats/onnx_quant.h"
#include "kernels/activation.formulas.h"
#include "layers/activation.h"
#include "layers/batchnorm.h"
#include "layers/conv2d.h"
#include "layers/reorg.h"

#include <stdio.h>
#include <string.h>

#define INT(name_, value_)                                                                                             \
    {                                                                                                                  \
        .name = (name_), .type = YL__ONNX_INT, .ints = { value_ }                                                      \
    }
#define FLOAT(name_, value_)                                                                                           \
    {                                                                                                                  \
        .name = (name_), .type = YL__ONNX_FLOAT, .number = (value_)                                                    \
    }
#define TEXT(name_, value_)                                                                                            \
    {                                                                                                                  \
        .name = (name_), .type = YL__ONNX_TEXT, .text = (value_)                                                       \
    }
#define PAIR(name_, a_, b_)                                                                                            \
    {                                                                                                                  \
        .name = (name_), .type = YL__ONNX_LIST, .ints = {a_, b_}, .count = 2                                           \
    }
#define PADS(name_, p_)                                                                                                \
    {                                                                                                                  \
        .name = (name_), .type = YL__ONNX_LIST, .ints = {(p_)[0], (p_)[1], (p_)[2], (p_)[3]}, .count = 4               \
    }

const char *yl__onnx_input(const yl__onnx *g, int layer, int i)
{
    int from = yl__export_input(g->e, layer, i);
    return from < 0 ? "image" : g->value[from];
}

static const char **output(yl__onnx *g, int layer)
{
    return &g->value[layer];
}

/* y = op(x), y = op(a, b), each with a made name. */
static yl_status unary(yl__onnx *g, const char *op, const char *x, const char **y)
{
    *y = NULL;
    return yl__onnx_add(g, &(yl__onnx_node){op, {x}, {{0}}}, y);
}

static yl_status binary(yl__onnx *g, const char *op, const char *a, const char *b, const char **y)
{
    *y = NULL;
    return yl__onnx_add(g, &(yl__onnx_node){op, {a, b}, {{0}}}, y);
}

/* y = op(x, number) */
static yl_status scalar(yl__onnx *g, const char *op, const char *x, double number, const char **y)
{
    const char *constant;
    YL_TRY(yl__onnx_float(g, number, &constant));
    return binary(g, op, x, constant, y);
}

static yl_status clip(yl__onnx *g, const char *x, double low, double high, const char **y)
{
    const char *from, *to;
    YL_TRY(yl__onnx_float(g, low, &from));
    YL_TRY(yl__onnx_float(g, high, &to));
    return yl__onnx_add(g, &(yl__onnx_node){"Clip", {x, from, to}, {{0}}}, y);
}

/* The parameters of a layer as constants "conv1.weight", "conv1.bias". */
static yl_status put_param(yl__onnx *g, int layer, const char *what, int n_dims, const int64_t *dims,
                           const float *numbers, const char **name)
{
    YL_TRY(yl__onnx_text(g, name, "%s.%s", g->e->net->layers[layer].name, what));
    return yl__onnx_numbers(g, *name, n_dims, dims, numbers);
}

static yl_status conv2d(yl__onnx *g, int layer)
{
    const yl_conv2d_options *o = g->e->net->layers[layer].options;
    float *w, *b;
    int64_t in = yl__export_input_shape(g->e, layer, 0).c / o->groups, out = o->filters;
    int64_t dilation = o->size == 1 ? 1 : o->dilation, pad = (o->pad ? o->size / 2 : o->padding) * dilation;
    const int64_t dims[4] = {out, in, o->size, o->size};
    const char *from[3] = {yl__onnx_input(g, layer, 0)};
    bool quantised;
    YL_TRY(yl__export_weights(g->e, layer, &w, &b));
    YL_TRY(yl__onnx_quantise_conv(g, layer, dims, w, b, from, &quantised));
    if (!quantised) YL_TRY(put_param(g, layer, "weight", 4, dims, w, &from[1]));
    if (!quantised && b) YL_TRY(put_param(g, layer, "bias", 1, &out, b, &from[2]));
    yl__onnx_node node = {
        "Conv",
        {from[0], from[1], from[2]},
        {PAIR("kernel_shape", o->size, o->size),
         PAIR("strides", o->stride_y ? o->stride_y : o->stride, o->stride_x ? o->stride_x : o->stride),
         PADS("pads", ((int64_t[]){pad, pad, pad, pad})), PAIR("dilations", dilation, dilation),
         INT("group", o->groups)}};
    return yl__onnx_add(g, &node, output(g, layer));
}

/* The input is flattened in the order c, h, w, and the weights are turned likewise. */
static yl_status connected(yl__onnx *g, int layer)
{
    yl_shape in = yl__export_input_shape(g->e, layer, 0);
    int64_t out = g->e->shapes[layer].c, count = in.h * in.w * in.c;
    const char *flat = NULL, *weight, *bias = NULL, *product = NULL, *shape;
    float *w, *b;
    YL_TRY(yl__export_weights(g->e, layer, &w, &b));
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Flatten", {yl__onnx_input(g, layer, 0)}, {INT("axis", 1)}}, &flat));
    YL_TRY(put_param(g, layer, "weight", 2, (int64_t[]){out, count}, w, &weight));
    if (b) YL_TRY(put_param(g, layer, "bias", 1, &out, b, &bias));
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Gemm", {flat, weight, bias}, {INT("transB", 1)}}, &product));
    YL_TRY(yl__onnx_ints(g, 4, (int64_t[]){in.n, out, 1, 1}, &shape));
    return yl__onnx_add(g, &(yl__onnx_node){"Reshape", {product, shape}, {{0}}}, output(g, layer));
}

static yl_status batchnorm(yl__onnx *g, int layer)
{
    static const char *const names[] = {
        [YL_BN_SCALE] = "scale", [YL_BN_BIAS] = "bias", [YL_BN_MEAN] = "mean", [YL_BN_VAR] = "var"};
    const yl_batchnorm_options *o = g->e->net->layers[layer].options;
    yl__onnx_node node = {
        "BatchNormalization", {yl__onnx_input(g, layer, 0)}, {FLOAT("epsilon", (double)(float)o->eps)}};
    for (int i = YL_BN_SCALE; i <= YL_BN_VAR; i++)
        YL_TRY(put_param(g, layer, names[i], 1, &g->e->shapes[layer].c, yl__export_param(g->e, layer, i),
                         &node.in[1 + i]));
    return yl__onnx_add(g, &node, output(g, layer));
}

static yl_status leaky(yl__onnx *g, const char *x, double slope, const char **y)
{
    return yl__onnx_add(g, &(yl__onnx_node){"LeakyRelu", {x}, {FLOAT("alpha", slope)}}, y);
}

/* y = x * tanh(log(1 + exp(x))) */
static yl_status mish(yl__onnx *g, const char *x, const char **y)
{
    const char *soft, *bounded;
    YL_TRY(unary(g, "Softplus", x, &soft));
    YL_TRY(unary(g, "Tanh", soft, &bounded));
    return yl__onnx_add(g, &(yl__onnx_node){"Mul", {x, bounded}, {{0}}}, y);
}

/* y = max(x, 0) + c (c / 2 + 1), c = min(max(x, -2), 0) */
static yl_status hard_mish(yl__onnx *g, const char *x, const char **y)
{
    const char *c = NULL, *half, *more, *curve, *line;
    YL_TRY(clip(g, x, -2, 0, &c));
    YL_TRY(scalar(g, "Mul", c, 0.5, &half));
    YL_TRY(scalar(g, "Add", half, 1, &more));
    YL_TRY(binary(g, "Mul", c, more, &curve));
    YL_TRY(unary(g, "Relu", x, &line));
    return yl__onnx_add(g, &(yl__onnx_node){"Add", {line, curve}, {{0}}}, y);
}

/* y = x s(YL__GELU x (1 + YL__GELU_CUBE x^2)) */
static yl_status gelu(yl__onnx *g, const char *x, const char **y)
{
    const char *square, *part, *more, *odd, *scaled, *share;
    YL_TRY(binary(g, "Mul", x, x, &square));
    YL_TRY(scalar(g, "Mul", square, YL__GELU_CUBE, &part));
    YL_TRY(scalar(g, "Add", part, 1, &more));
    YL_TRY(binary(g, "Mul", x, more, &odd));
    YL_TRY(scalar(g, "Mul", odd, YL__GELU, &scaled));
    YL_TRY(unary(g, "Sigmoid", scaled, &share));
    return yl__onnx_add(g, &(yl__onnx_node){"Mul", {x, share}, {{0}}}, y);
}

/* x times or plus what one more operator makes of it. */
static yl_status with_itself(yl__onnx *g, const yl__onnx_node *inner, const char *op, const char *x, const char **y)
{
    const char *part = NULL;
    YL_TRY(yl__onnx_add(g, inner, &part));
    return yl__onnx_add(g, &(yl__onnx_node){op, {x, part}, {{0}}}, y);
}

static yl_status activate(yl__onnx *g, const yl_activation_options *o, const char *x, const char **y)
{
    const char *part;
    switch ((yl_activation)o->activation) {
    case YL_ACT_linear:
        return yl__onnx_add(g, &(yl__onnx_node){"Identity", {x}, {{0}}}, y);
    case YL_ACT_leaky:
        return leaky(g, x, o->slope, y);
    case YL_ACT_relie:
        return leaky(g, x, 0.01, y);
    case YL_ACT_relu:
        return yl__onnx_add(g, &(yl__onnx_node){"Relu", {x}, {{0}}}, y);
    case YL_ACT_logistic:
        return yl__onnx_add(g, &(yl__onnx_node){"Sigmoid", {x}, {{0}}}, y);
    case YL_ACT_tanh:
        return yl__onnx_add(g, &(yl__onnx_node){"Tanh", {x}, {{0}}}, y);
    case YL_ACT_elu:
        return yl__onnx_add(g, &(yl__onnx_node){"Elu", {x}, {FLOAT("alpha", 1)}}, y);
    case YL_ACT_selu: {
        yl__onnx_node node = {"Selu", {x}, {FLOAT("alpha", YL__SELU_LOW / YL__SELU), FLOAT("gamma", YL__SELU)}};
        return yl__onnx_add(g, &node, y);
    }
    case YL_ACT_relu6:
        return clip(g, x, 0, 6, y);
    case YL_ACT_hardtan:
        return clip(g, x, -1, 1, y);
    case YL_ACT_swish:
        return with_itself(g, &(yl__onnx_node){"Sigmoid", {x}, {{0}}}, "Mul", x, y);
    case YL_ACT_hardswish: {
        yl__onnx_node inner = {"HardSigmoid", {x}, {FLOAT("alpha", 1.0 / 6), FLOAT("beta", 0.5)}};
        return with_itself(g, &inner, "Mul", x, y);
    }
    case YL_ACT_mish:
        return mish(g, x, y);
    case YL_ACT_hard_mish:
        return hard_mish(g, x, y);
    case YL_ACT_gelu:
        return gelu(g, x, y);
    case YL_ACT_ramp:
        YL_TRY(scalar(g, "Mul", x, 0.1, &part));
        return with_itself(g, &(yl__onnx_node){"Relu", {x}, {{0}}}, "Add", part, y);
    case YL_ACT_loggy: /* 2 s(x) - 1 = tanh(x / 2) */
        YL_TRY(scalar(g, "Mul", x, 0.5, &part));
        return yl__onnx_add(g, &(yl__onnx_node){"Tanh", {part}, {{0}}}, y);
    }
    return yl__fail(YL_UNSUPPORTED, "ONNX: activation %d is not known", (int)o->activation);
}

static yl_status pool(yl__onnx *g, int layer, const char *op, const yl__onnx_attribute *last)
{
    int64_t size[2], stride[2], pads[4];
    yl__export_pool(g->e, layer, size, stride, pads);
    yl__onnx_node node = {
        op,
        {yl__onnx_input(g, layer, 0)},
        {PAIR("kernel_shape", size[0], size[1]), PAIR("strides", stride[0], stride[1]), PADS("pads", pads), *last}};
    return yl__onnx_add(g, &node, output(g, layer));
}

static yl_status avgpool(yl__onnx *g, int layer)
{
    const yl__onnx_attribute inside = INT("count_include_pad", 0);
    if (yl__export_option(g->e, layer, "size") > 0) return pool(g, layer, "AveragePool", &inside);
    return yl__onnx_add(g, &(yl__onnx_node){"GlobalAveragePool", {yl__onnx_input(g, layer, 0)}, {{0}}},
                        output(g, layer));
}

/* Channels first..first+count-1 of a value of c channels. */
static yl_status channels(yl__onnx *g, const char *x, int64_t c, int64_t first, int64_t count, const char **y)
{
    const char *start, *end, *axis;
    *y = x;
    if (count == c) return YL_OK;
    *y = NULL;
    YL_TRY(yl__onnx_ints(g, 1, &first, &start));
    YL_TRY(yl__onnx_ints(g, 1, &(int64_t){first + count}, &end));
    YL_TRY(yl__onnx_ints(g, 1, &(int64_t){1}, &axis));
    return yl__onnx_add(g, &(yl__onnx_node){"Slice", {x, start, end, axis}, {{0}}}, y);
}

static yl_status route(yl__onnx *g, int layer)
{
    const yl_layer *l = &g->e->net->layers[layer];
    int64_t groups = (int64_t)yl__export_option(g->e, layer, "groups");
    int64_t id = (int64_t)yl__export_option(g->e, layer, "group_id");
    yl__onnx_node node = {"Concat", {NULL}, {INT("axis", 1)}};
    for (int i = 0; i < l->n_inputs; i++) {
        int64_t c = yl__export_input_shape(g->e, layer, i).c;
        YL_TRY(channels(g, yl__onnx_input(g, layer, i), c, id * (c / groups), c / groups, &node.in[i]));
    }
    return yl__onnx_add(g, &node, output(g, layer));
}

/* A value with as many channels: those that it lacks are zeros, those that it has beyond are left out. */
static yl_status fit_channels(yl__onnx *g, const char **x, int64_t has, int64_t wanted)
{
    const char *pads, *zero, *padded = NULL;
    if (has > wanted) return channels(g, *x, has, 0, wanted, x);
    if (has == wanted) return YL_OK;
    YL_TRY(yl__onnx_ints(g, 8, (int64_t[]){0, 0, 0, 0, 0, wanted - has, 0, 0}, &pads));
    YL_TRY(yl__onnx_float(g, 0, &zero));
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Pad", {*x, pads, zero}, {TEXT("mode", "constant")}}, &padded));
    *x = padded;
    return YL_OK;
}

/* Every f-th row and column of a value. */
static yl_status thin_out(yl__onnx *g, const char **x, int64_t f)
{
    const char *start, *end, *axes, *steps, *y = NULL;
    YL_TRY(yl__onnx_ints(g, 2, (int64_t[]){0, 0}, &start));
    YL_TRY(yl__onnx_ints(g, 2, (int64_t[]){INT32_MAX, INT32_MAX}, &end));
    YL_TRY(yl__onnx_ints(g, 2, (int64_t[]){2, 3}, &axes));
    YL_TRY(yl__onnx_ints(g, 2, (int64_t[]){f, f}, &steps));
    YL_TRY(yl__onnx_add(g, &(yl__onnx_node){"Slice", {*x, start, end, axes, steps}, {{0}}}, &y));
    *x = y;
    return YL_OK;
}

/* A value's pixels as every f-th row and column of a larger one, zeros between them. */
static yl_status spread_out(yl__onnx *g, int layer, const char **x, int64_t c, int64_t f)
{
    float *one;
    const char *weight, *y = NULL;
    YL_TRY(yl__export_keep(g->e, c * f * f, sizeof *one, &one));
    for (int64_t i = 0; i < c; i++) one[i * f * f] = 1;
    YL_TRY(put_param(g, layer, "spread", 4, (int64_t[]){c, 1, f, f}, one, &weight));
    yl__onnx_node node = {
        "ConvTranspose", {*x, weight}, {PAIR("kernel_shape", f, f), PAIR("strides", f, f), INT("group", c)}};
    YL_TRY(yl__onnx_add(g, &node, &y));
    *x = y;
    return YL_OK;
}

/* The sum has the first input's shape (layers/shortcut.c says what becomes of a second one of another shape). */
static yl_status shortcut(yl__onnx *g, int layer)
{
    yl_shape a = yl__export_input_shape(g->e, layer, 0), b = yl__export_input_shape(g->e, layer, 1);
    const char *second = yl__onnx_input(g, layer, 1);
    YL_TRY(fit_channels(g, &second, b.c, a.c));
    if (b.h > a.h) YL_TRY(thin_out(g, &second, b.h / a.h));
    if (b.h < a.h) YL_TRY(spread_out(g, layer, &second, a.c, a.h / b.h));
    return yl__onnx_add(g, &(yl__onnx_node){"Add", {yl__onnx_input(g, layer, 0), second}, {{0}}}, output(g, layer));
}

static yl_status product(yl__onnx *g, int layer)
{
    yl__onnx_node node = {"Mul", {yl__onnx_input(g, layer, 1), yl__onnx_input(g, layer, 0)}, {{0}}};
    return yl__onnx_add(g, &node, output(g, layer));
}

/* Pixel i of the output is pixel floor(i / stride) of the input. */
static yl_status upsample(yl__onnx *g, int layer)
{
    float stride = (float)yl__export_option(g->e, layer, "stride");
    double scale = yl__export_option(g->e, layer, "scale");
    const char *scales, *larger = NULL, *number;
    YL_TRY(yl__onnx_floats(g, 4, (float[]){1, 1, stride, stride}, &scales));
    yl__onnx_node node = {
        "Resize",
        {yl__onnx_input(g, layer, 0), "", scales},
        {TEXT("mode", "nearest"), TEXT("coordinate_transformation_mode", "asymmetric"), TEXT("nearest_mode", "floor")}};
    if (scale == 1) return yl__onnx_add(g, &node, output(g, layer));
    YL_TRY(yl__onnx_add(g, &node, &larger));
    YL_TRY(yl__onnx_float(g, scale, &number));
    return yl__onnx_add(g, &(yl__onnx_node){"Mul", {larger, number}, {{0}}}, output(g, layer));
}

static yl_status reshape(yl__onnx *g, const char *x, int64_t n, int64_t c, int64_t h, int64_t w, const char **y)
{
    const char *shape;
    YL_TRY(yl__onnx_ints(g, 4, (int64_t[]){n, c, h, w}, &shape));
    return yl__onnx_add(g, &(yl__onnx_node){"Reshape", {x, shape}, {{0}}}, y);
}

/* Darknet's order, which is not SpaceToDepth's: the memory is read as another shape before and after a convolution of ones and zeros, which
 * every runtime has. */
static yl_status reorg(yl__onnx *g, int layer)
{
    int64_t s = ((const yl_reorg_options *)g->e->net->layers[layer].options)->stride;
    yl_shape in = yl__export_input_shape(g->e, layer, 0), out = g->e->shapes[layer];
    int64_t part = in.c / (s * s);
    const char *wide = NULL, *weight, *moved = NULL;
    float *w;
    YL_TRY(yl__export_reorg(g->e, layer, &w));
    YL_TRY(put_param(g, layer, "order", 4, (int64_t[]){in.c, part, s, s}, w, &weight));
    YL_TRY(reshape(g, yl__onnx_input(g, layer, 0), in.n, part, in.h * s, in.w * s, &wide));
    YL_TRY(yl__onnx_add(
        g, &(yl__onnx_node){"Conv", {wide, weight}, {PAIR("kernel_shape", s, s), PAIR("strides", s, s)}}, &moved));
    return reshape(g, moved, out.n, out.c, out.h, out.w, output(g, layer));
}

static yl_status reorg3d(yl__onnx *g, int layer)
{
    int64_t s = ((const yl_reorg_options *)g->e->net->layers[layer].options)->stride;
    yl__onnx_node node = {"SpaceToDepth", {yl__onnx_input(g, layer, 0)}, {INT("blocksize", s)}};
    return yl__onnx_add(g, &node, output(g, layer));
}

static yl_status softmax(yl__onnx *g, int layer)
{
    yl__onnx_node node = {"Softmax", {yl__onnx_input(g, layer, 0)}, {INT("axis", 1)}};
    return yl__onnx_add(g, &node, output(g, layer));
}

yl_status yl__onnx_layer(yl__onnx *g, int layer)
{
    const yl_layer *l = &g->e->net->layers[layer];
    const yl_layer_kind *k = l->kind;
    const yl__onnx_attribute none = {0};
    if (k == &yl_layer_conv2d) return conv2d(g, layer);
    if (k == &yl_layer_connected) return connected(g, layer);
    if (k == &yl_layer_batchnorm) return batchnorm(g, layer);
    if (k == &yl_layer_activation) return activate(g, l->options, yl__onnx_input(g, layer, 0), output(g, layer));
    if (k == &yl_layer_maxpool) return pool(g, layer, "MaxPool", &none);
    if (k == &yl_layer_avgpool) return avgpool(g, layer);
    if (k == &yl_layer_route) return route(g, layer);
    if (k == &yl_layer_shortcut) return shortcut(g, layer);
    if (k == &yl_layer_scale_channels || k == &yl_layer_sam) return product(g, layer);
    if (k == &yl_layer_upsample) return upsample(g, layer);
    if (k == &yl_layer_reorg) return reorg(g, layer);
    if (k == &yl_layer_reorg3d) return reorg3d(g, layer);
    if (k == &yl_layer_softmax) return softmax(g, layer);
    return yl__export_refuse(g->e, layer, "ONNX", k->name);
}
