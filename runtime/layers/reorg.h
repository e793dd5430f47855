/* What the two reorderings of pixels into channels share: their option, their shapes, their geometry. */
#ifndef YL_LAYERS_REORG_H
#define YL_LAYERS_REORG_H

#include "layers/layer.h"

typedef struct yl_reorg_options {
    int64_t stride;
} yl_reorg_options;

#define YL__REORG_FIELDS                                                                                               \
    {                                                                                                                  \
        {"stride", YL_OPTION_INT, "1",  "",           "factor by which height and width shrink",                       \
         1,        256,           NULL, "block_size", YL_MEMBER(yl_reorg_options, stride)},                            \
    }

static inline yl_status yl__reorg_shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    int64_t s = ((const yl_reorg_options *)layer->options)->stride;
    if (in->h % s || in->w % s)
        return yl__fail(YL_INVALID, "%s: expected height and width divisible by stride = %lld, got %lld x %lld",
                        layer->name, (long long)s, (long long)in->h, (long long)in->w);
    *out = (yl_shape){in->n, in->h / s, in->w / s, in->c * s * s};
    return YL_OK;
}

static inline yl_reorg_geom yl__reorg_geometry(const yl_pass *p)
{
    yl_shape in = p->setting->in[0];
    return (yl_reorg_geom){
        in.n, in.h, in.w, in.c, ((const yl_reorg_options *)p->layer->options)->stride, p->setting->dtype};
}

#endif
