/* Windows of the pooling layers: Darknet's rule for where they lie. */
#ifndef YL_LAYERS_POOL_H
#define YL_LAYERS_POOL_H

#include "layers/layer.h"

typedef struct yl_pool_options {
    int64_t size, stride, padding; /* padding -1: size - 1 */
    int64_t stride_x, stride_y;    /* 0: stride */
} yl_pool_options;

static inline int64_t yl__pool_padding(const yl_pool_options *o, int64_t size)
{
    return o->padding < 0 ? size - 1 : o->padding;
}

static inline int64_t yl__pool_stride_w(const yl_pool_options *o)
{
    return o->stride_x ? o->stride_x : o->stride;
}

static inline int64_t yl__pool_stride_h(const yl_pool_options *o)
{
    return o->stride_y ? o->stride_y : o->stride;
}

/* Windows of size x size: (h + padding - size) / stride + 1 of them, the first at -padding / 2. Errors: INVALID where a window
 * would see no pixel. */
static inline yl_status yl__pool_shape(const yl_layer *layer, int64_t size, const yl_shape *in, yl_shape *out)
{
    const yl_pool_options *o = layer->options;
    int64_t p = yl__pool_padding(o, size), sh = yl__pool_stride_h(o), sw = yl__pool_stride_w(o);
    int64_t oh = (in->h + p - size) / sh + 1, ow = (in->w + p - size) / sw + 1;
    if (in->h + p < size || in->w + p < size)
        return yl__fail(YL_INVALID, "%s: a window of size %lld does not fit into %lld x %lld (padding %lld)",
                        layer->name, (long long)size, (long long)in->h, (long long)in->w, (long long)p);
    if (p / 2 >= size || (oh - 1) * sh - p / 2 >= in->h || (ow - 1) * sw - p / 2 >= in->w)
        return yl__fail(YL_INVALID,
                        "%s: padding %lld leaves windows of size %lld without a pixel of the %lld x %lld input",
                        layer->name, (long long)p, (long long)size, (long long)in->h, (long long)in->w);
    *out = (yl_shape){in->n, oh, ow, in->c};
    return YL_OK;
}

static inline yl_pool_geom yl__pool_geometry(const yl_pass *p, int64_t size)
{
    const yl_pool_options *o = p->layer->options;
    yl_shape in = p->setting->in[0], out = p->setting->out;
    return (yl_pool_geom){.n = in.n,
                          .h = in.h,
                          .w = in.w,
                          .c = in.c,
                          .oh = out.h,
                          .ow = out.w,
                          .size_h = (int32_t)size,
                          .size_w = (int32_t)size,
                          .stride_h = (int32_t)yl__pool_stride_h(o),
                          .stride_w = (int32_t)yl__pool_stride_w(o),
                          .pad = (int32_t)(yl__pool_padding(o, size) / 2),
                          .dtype = p->setting->dtype};
}

#endif
