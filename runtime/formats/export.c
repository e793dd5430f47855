/* What the writers of other programs' formats share: export.h says what. */
#include "formats/export.h"
#include "core/finite.h"
#include "core/memory.h"
#include "layers/batchnorm.h"
#include "layers/activation.h"
#include "layers/conv2d.h"
#include "layers/pool.h"
#include "layers/reorg.h"

#include <math.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_export_options, member)
static const yl_field fields[] = {
    {"opset", YL_OPTION_INT, "13", "", "of ONNX: the version of its operators", 13, 17, NULL, "opset_version",
     AT(opset)},
    {"batch", YL_OPTION_INT, "1", "images", "that the exported network takes at once", 1, 65536, NULL, "batch_size",
     AT(batch)},
    {"fold", YL_OPTION_BOOL, "true", "", "batch-norms become part of the convolution before them", 0, 0, NULL, "fuse",
     AT(fold)},
    {"heads", YL_OPTION_ENUM, "raw", "",
     "what the exported network gives: the numbers before each head; boxes and scores; or also what suppression leaves",
     0, 0, "raw|boxes|nms", "decode", AT(heads)},
    {"conf", YL_OPTION_NUMBER, "0.25", "", "heads=nms: lowest score of a detection", 0, 1, NULL, "conf_thres",
     AT(conf)},
    {"iou", YL_OPTION_NUMBER, "0.45", "", "heads=nms: overlap above which the weaker of two boxes is suppressed", 0, 1,
     NULL, "iou_thres", AT(iou)},
};
const yl_field_table yl_export_fields = YL_FIELD_TABLE("export", fields);

bool yl__export_is(const yl__export *e, int layer, const yl_layer_kind *kind)
{
    return layer >= 0 && e->net->layers[layer].kind == kind;
}

double yl__export_option(const yl__export *e, int layer, const char *key)
{
    const yl_layer *l = &e->net->layers[layer];
    yl_value value;
    yl_options_get(yl_option_find(l->kind->fields, key, NULL), l->options, &value);
    return value.kind == YL_VALUE_NUMBER ? value.number
           : value.kind == YL_VALUE_BOOL ? value.boolean
                                         : (double)value.integer;
}

yl_status yl__export_refuse(const yl__export *e, int layer, const char *format, const char *what)
{
    return yl__fail(YL_UNSUPPORTED, "%s: %s cannot be written as %s", e->net->layers[layer].name, what, format);
}

yl_status yl__export_keep(yl__export *e, int64_t count, size_t size, void *out)
{
    void *made;
    YL_TRY(yl__reserve(e->count + 1, &e->capacity, sizeof *e->kept, &e->kept));
    YL_TRY(yl__calloc(count, size, &made));
    e->kept[e->count++] = made;
    memcpy(out, &made, sizeof made);
    return YL_OK;
}

/* A convolution or fully connected layer takes the batch-norm that alone reads it. */
static void fold(yl__export *e, int layer)
{
    const yl_net *net = e->net;
    int from = net->layers[layer].inputs[0];
    if (!e->options->fold || !yl__export_is(e, layer, &yl_layer_batchnorm) || from < 0) return;
    if (!yl__export_is(e, from, &yl_layer_conv2d) && !yl__export_is(e, from, &yl_layer_connected)) return;
    if (yl_net_consumers(net, from) != 1) return;
    e->folded[from] = layer;
    e->left_out[layer] = true;
}

/* What does nothing in inference. */
static bool idle(const yl__export *e, int layer)
{
    const yl_layer *l = &e->net->layers[layer];
    if (l->kind == &yl_layer_activation)
        return ((const yl_activation_options *)l->options)->activation == YL_ACT_linear;
    if (l->kind == &yl_layer_route)
        return l->n_inputs == 1 && e->shapes[layer].c == (l->inputs[0] < 0 ? e->net->c : e->shapes[l->inputs[0]].c);
    return l->kind == &yl_layer_dropout;
}

static yl_status read_values(yl__export *e)
{
    const yl_net *net = e->net;
    YL_TRY(yl__export_keep(e, net->n_values + 1, sizeof(float), &e->values));
    YL_TRY(net->device->from_device(net->device, e->values, net->slabs[YL_SLAB_value].data,
                                    (size_t)net->n_values * sizeof(float)));
    for (int r = 0; r < net->n_ranges; r++) {
        int64_t at = yl__not_finite(e->values + net->ranges[r].offset, net->ranges[r].count);
        if (at >= 0)
            return yl__fail(YL_NUMERIC, "%s: number %lld is not finite: such a network cannot be exported",
                            net->ranges[r].name, (long long)at + 1);
    }
    return YL_OK;
}

yl_status yl__export_open(const yl_net *net, const yl_export_options *options, yl__export *e)
{
    *e = (yl__export){.net = net, .options = options};
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].kind->context)
            return yl__fail(YL_UNSUPPORTED, "%s: the layer %s is written in Lua, which no other program runs",
                            net->layers[i].name, net->layers[i].kind->name);
    YL_TRY(read_values(e));
    YL_TRY(yl__export_keep(e, net->n_layers + 1, sizeof *e->shapes, &e->shapes));
    YL_TRY(yl__export_keep(e, net->n_layers + 1, sizeof *e->folded, &e->folded));
    YL_TRY(yl__export_keep(e, net->n_layers + 1, sizeof *e->left_out, &e->left_out));
    YL_TRY(yl_net_shapes(net, options->batch, net->h, net->w, e->shapes));
    for (int i = 0; i < net->n_layers; i++) {
        e->folded[i] = -1;
        fold(e, i);
        e->left_out[i] = e->left_out[i] || idle(e, i);
    }
    return YL_OK;
}

void yl__export_close(yl__export *e)
{
    for (int64_t i = 0; i < e->count; i++) yl__free(e->kept[i]);
    yl__free(e->kept);
    *e = (yl__export){0};
}

int yl__export_source(const yl__export *e, int layer)
{
    while (layer >= 0 && e->left_out[layer]) layer = e->net->layers[layer].inputs[0];
    return layer;
}

int yl__export_input(const yl__export *e, int layer, int i)
{
    return yl__export_source(e, e->net->layers[layer].inputs[i]);
}

bool yl__export_is_output(const yl__export *e, int layer)
{
    return yl_net_consumers(e->net, layer) == 0;
}

const float *yl__export_param(const yl__export *e, int layer, int i)
{
    const yl_layer *l = &e->net->layers[layer];
    return i < l->n_params ? e->values + e->net->ranges[l->params[i]].offset : NULL;
}

yl_shape yl__export_input_shape(const yl__export *e, int layer, int i)
{
    int from = e->net->layers[layer].inputs[i];
    return from < 0 ? (yl_shape){e->options->batch, e->net->h, e->net->w, e->net->c} : e->shapes[from];
}

yl_status yl__export_names(const yl__export *e, bool raw, const char **value, const char **entering)
{
    const yl_net *net = e->net;
    for (int i = 0; i < net->n_layers; i++) value[i] = net->layers[i].name, entering[i] = NULL;
    for (int i = 0; i < net->n_layers; i++) {
        if (!net->layers[i].kind->head) continue;
        int from = yl__export_input(e, i, 0);
        if (yl_net_consumers(net, i) > 0)
            return yl__fail(YL_UNSUPPORTED, "%s: a layer reads this head, which other programs do not have as a layer",
                            net->layers[i].name);
        if (raw && from >= 0 && value[from] == net->layers[from].name) value[from] = net->layers[i].name;
        entering[i] = from < 0 ? "image" : value[from];
    }
    return YL_OK;
}

/* {out, kh, kw, in} to {out, in, kh, kw}, each output times its factor. */
static void turn(const float *from, const float *factor, int64_t out, int64_t pixels, int64_t in, float *to)
{
    for (int64_t o = 0; o < out; o++)
        for (int64_t p = 0; p < pixels; p++)
            for (int64_t i = 0; i < in; i++)
                to[(o * in + i) * pixels + p] = from[(o * pixels + p) * in + i] * (factor ? factor[o] : 1);
}

yl_status yl__export_batchnorm(yl__export *e, int layer, float **factor, float **offset)
{
    const yl_batchnorm_options *o = e->net->layers[layer].options;
    int64_t c = e->shapes[layer].c;
    const float *scale = yl__export_param(e, layer, YL_BN_SCALE), *bias = yl__export_param(e, layer, YL_BN_BIAS);
    const float *mean = yl__export_param(e, layer, YL_BN_MEAN), *var = yl__export_param(e, layer, YL_BN_VAR);
    YL_TRY(yl__export_keep(e, c, sizeof(float), factor));
    YL_TRY(yl__export_keep(e, c, sizeof(float), offset));
    for (int64_t i = 0; i < c; i++) {
        double f = (double)scale[i] / sqrt((double)var[i] + (double)(float)o->eps);
        (*factor)[i] = (float)f;
        (*offset)[i] = (float)((double)bias[i] - (double)mean[i] * f);
        if (!isfinite((*factor)[i]) || !isfinite((*offset)[i]))
            return yl__fail(YL_NUMERIC, "%s: channel %lld cannot be folded: its variance is %g",
                            e->net->layers[layer].name, (long long)i + 1, var[i]);
    }
    return YL_OK;
}

yl_status yl__export_weights(yl__export *e, int layer, float **weights, float **bias)
{
    const yl_layer *l = &e->net->layers[layer];
    const yl_range *range = &e->net->ranges[l->params[0]];
    bool conv = l->kind == &yl_layer_conv2d;
    yl_shape in = yl__export_input_shape(e, layer, 0);
    int64_t out = e->shapes[layer].c, pixels = conv ? range->dims[1] * range->dims[2] : in.h * in.w;
    float *factor = NULL, *offset = NULL;
    const float *own = yl__export_param(e, layer, 1);
    if (e->folded[layer] >= 0) YL_TRY(yl__export_batchnorm(e, e->folded[layer], &factor, &offset));
    YL_TRY(yl__export_keep(e, range->count, sizeof(float), weights));
    turn(yl__export_param(e, layer, 0), factor, out, pixels, range->count / (out * pixels), *weights);
    *bias = NULL;
    if (!own && !offset) return YL_OK;
    YL_TRY(yl__export_keep(e, out, sizeof(float), bias));
    for (int64_t o = 0; o < out; o++) {
        double b = own ? own[o] : 0;
        (*bias)[o] = (float)(factor ? b * (double)factor[o] + (double)offset[o] : b);
    }
    return YL_OK;
}

void yl__export_pool(const yl__export *e, int layer, int64_t size[2], int64_t stride[2], int64_t pads[4])
{
    const yl_pool_options *o = e->net->layers[layer].options;
    yl_shape in = yl__export_input_shape(e, layer, 0), out = e->shapes[layer];
    int64_t side = o->size ? o->size : o->stride, before = yl__pool_padding(o, side) / 2;
    stride[0] = yl__pool_stride_h(o), stride[1] = yl__pool_stride_w(o);
    size[0] = size[1] = side;
    const int64_t length[2] = {in.h, in.w}, windows[2] = {out.h, out.w};
    for (int k = 0; k < 2; k++) {
        int64_t after = (windows[k] - 1) * stride[k] + side - length[k] - before;
        pads[k] = before;
        pads[2 + k] = after > 0 ? after : 0;
    }
}

yl_status yl__export_reorg(yl__export *e, int layer, float **weights)
{
    int64_t s = ((const yl_reorg_options *)e->net->layers[layer].options)->stride,
            c = yl__export_input_shape(e, layer, 0).c;
    int64_t part = c / (s * s);
    YL_TRY(yl__export_keep(e, c * c, sizeof(float), weights));
    for (int64_t k = 0; k < c; k++) (*weights)[(k * part + k % part) * s * s + k / part] = 1;
    return YL_OK;
}
