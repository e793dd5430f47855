/* What [scale_channels] and [sam] share: input 2 times input 1, the factor. */
#ifndef YL_LAYERS_SCALE_CHANNELS_H
#define YL_LAYERS_SCALE_CHANNELS_H

#include "layers/channels.h"

static inline yl_scale_geom yl__scaled_geometry(const yl_pass *p, bool per_pixel, bool per_channel)
{
    yl_shape out = p->setting->out;
    return (yl_scale_geom){out.n, out.h * out.w, out.c, per_pixel, per_channel, p->setting->dtype};
}

static inline int64_t yl__scaled_flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    (void)layer, (void)in;
    return yl_shape_count(out);
}

static inline unsigned yl__scaled_reads(const yl_layer *layer)
{
    (void)layer;
    return YL_READS_X;
}

static inline yl_status yl__scaled_channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel,
                                            yl_channels *answer)
{
    (void)layer, (void)in, (void)out;
    answer->uniform = true;
    answer->zero = YL_ZERO_IN_PRODUCT;
    yl__channels_add(answer, 0, channel, 1, YL_USE_EACH);
    yl__channels_add(answer, 1, channel, 1, YL_USE_EACH);
    return YL_OK;
}

static inline yl_status yl__scaled_forward(yl_pass *p, bool per_pixel, bool per_channel)
{
    yl_scale_geom g = yl__scaled_geometry(p, per_pixel, per_channel);
    return p->ctx->device->kernels->scale_channels(p->ctx, &g, p->x[1], p->x[0], 0, p->y);
}

static inline yl_status yl__scaled_backward(yl_pass *p, bool per_pixel, bool per_channel)
{
    const yl_kernels *k = p->ctx->device->kernels;
    yl_scale_geom g = yl__scaled_geometry(p, per_pixel, per_channel);
    if (p->dx[0]) YL_TRY(k->scale_channels_factor(p->ctx, &g, p->x[1], p->dy, p->dx_beta[0], p->dx[0]));
    return p->dx[1] ? k->scale_channels(p->ctx, &g, p->dy, p->x[0], p->dx_beta[1], p->dx[1]) : YL_OK;
}

#endif
