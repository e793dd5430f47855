/* [maxpool] of Darknet: maximum over size x size windows. Windows may hang over the image's edge; what lies outside counts
 * for nothing. Output size (h + padding - size) / stride + 1; the first window begins at -padding / 2. */
#include "layers/layer.h"

typedef struct options {
    int64_t size, stride, padding;
} options;

static const yl_field fields[] = {
    {"size", YL_OPTION_INT, "0", "pixels", "side of the window; 0: the stride", 0, 255, NULL, "kernel_size kernel k",
     offsetof(options, size)},
    {"stride", YL_OPTION_INT, "1", "pixels", "distance of neighbouring windows", 1, 65536, NULL, "strides s",
     offsetof(options, stride)},
    {"padding", YL_OPTION_INT, "-1", "pixels", "added to height and width, half of it before; -1: size - 1", -1, 65536, NULL,
     "pad p", offsetof(options, padding)},
};
static const yl_field_table table = YL_FIELD_TABLE("maxpool", fields);

static int64_t side(const options *o)
{
    return o->size ? o->size : o->stride;
}

static int64_t padding(const options *o)
{
    return o->padding < 0 ? side(o) - 1 : o->padding;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const options *o = layer->options;
    int64_t k = side(o), p = padding(o), oh = (in->h + p - k) / o->stride + 1, ow = (in->w + p - k) / o->stride + 1;
    if (in->h + p < k || in->w + p < k)
        return yl__fail(YL_INVALID, "%s: a window of size %lld does not fit into %lld x %lld (padding %lld)", layer->name,
                        (long long)k, (long long)in->h, (long long)in->w, (long long)p);
    if (p / 2 >= k || (oh - 1) * o->stride - p / 2 >= in->h || (ow - 1) * o->stride - p / 2 >= in->w)
        return yl__fail(YL_INVALID, "%s: padding %lld leaves windows of size %lld without a pixel of the %lld x %lld input",
                        layer->name, (long long)p, (long long)k, (long long)in->h, (long long)in->w);
    *out = (yl_shape){in->n, oh, ow, in->c};
    return YL_OK;
}

static yl_pool_geom geometry(const yl_pass *p)
{
    const options *o = p->layer->options;
    yl_shape in = p->setting->in[0], out = p->setting->out;
    return (yl_pool_geom){.n = in.n,
                          .h = in.h,
                          .w = in.w,
                          .c = in.c,
                          .oh = out.h,
                          .ow = out.w,
                          .size_h = (int32_t)side(o),
                          .size_w = (int32_t)side(o),
                          .stride = (int32_t)o->stride,
                          .pad = (int32_t)(padding(o) / 2)};
}

static yl_status prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)layer, (void)prepared;
    if (setting->wants_dx) needs->state = (size_t)yl_shape_count(setting->out) * sizeof(uint16_t);
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    yl_pool_geom g = geometry(p);
    return p->ctx->device->kernels->maxpool_forward(p->ctx, &g, p->x[0], p->y, p->state);
}

static yl_status backward(yl_pass *p)
{
    yl_pool_geom g = geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->maxpool_backward(p->ctx, &g, p->state, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_maxpool = {
    .name = "maxpool",
    .stem = "maxpool",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
