/* [upsample] of Darknet: every pixel repeated stride x stride times, multiplied by `scale`. */
#include "layers/layer.h"
#include "layers/channels.h"

typedef struct options {
    int64_t stride;
    double scale;
} options;

static const yl_field fields[] = {
    {"stride", YL_OPTION_INT, "2", "", "factor of height and width", 1, 1024, NULL, "scale_factor size",
     YL_MEMBER(options, stride)},
    {"scale", YL_OPTION_NUMBER, "1", "", "factor of the values", 0, 0, NULL, "", YL_MEMBER(options, scale)},
};
static const yl_field_table table = YL_FIELD_TABLE("upsample", fields);

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const options *o = layer->options;
    *out = (yl_shape){in->n, in->h * o->stride, in->w * o->stride, in->c};
    return YL_OK;
}

static yl_upsample_geom geometry(const yl_pass *p)
{
    const options *o = p->layer->options;
    yl_shape in = p->setting->in[0];
    return (yl_upsample_geom){in.n, in.h, in.w, in.c, (int32_t)o->stride, (float)o->scale, p->setting->dtype};
}

static yl_quant_use quantised(const yl_layer *layer, const yl_setting *setting)
{
    const options *o = layer->options;
    (void)setting;
    return o->scale == 1 ? YL_QUANT_KEEPS : YL_QUANT_NO;
}

static yl_status forward(yl_pass *p)
{
    yl_upsample_geom g = geometry(p);
    return p->ctx->device->kernels->upsample_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_upsample_geom g = geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->upsample_backward(p->ctx, &g, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_upsample = {
    .name = "upsample",
    .stem = "upsample",
    .help = "every pixel repeated stride x stride times, multiplied by scale",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .channels = yl__channels_same,
    .quantised = quantised,
    .forward = forward,
    .backward = backward,
};
