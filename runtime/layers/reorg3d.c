/* [reorg3d] of Darknet: plain space-to-depth. */
#include "layers/layer.h"

typedef struct options {
    int64_t stride;
} options;

static const yl_field fields[] = {
    {"stride", YL_OPTION_INT, "1", "", "factor by which height and width shrink", 1, 256, NULL, "block_size",
     offsetof(options, stride)},
};
static const yl_field_table table = YL_FIELD_TABLE("reorg3d", fields);

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    int64_t s = ((const options *)layer->options)->stride;
    if (in->h % s || in->w % s)
        return yl__fail(YL_INVALID, "%s: expected height and width divisible by stride = %lld, got %lld x %lld",
                        layer->name, (long long)s, (long long)in->h, (long long)in->w);
    *out = (yl_shape){in->n, in->h / s, in->w / s, in->c * s * s};
    return YL_OK;
}

static yl_reorg_geom geometry(const yl_pass *p)
{
    yl_shape in = p->setting->in[0];
    return (yl_reorg_geom){in.n, in.h, in.w, in.c, ((const options *)p->layer->options)->stride};
}

static yl_status forward(yl_pass *p)
{
    yl_reorg_geom g = geometry(p);
    return p->ctx->device->kernels->reorg3d_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_reorg_geom g = geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->reorg3d_backward(p->ctx, &g, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_reorg3d = {
    .name = "reorg3d",
    .stem = "reorg3d",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
