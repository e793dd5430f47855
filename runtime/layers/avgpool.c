/* [avgpool] of Darknet: the mean over the whole image; with `size`, [local_avgpool]: over windows that are placed like
 * [maxpool]'s, counting only pixels of the image. */
#include "layers/pool.h"
#include "layers/channels.h"

static const yl_field fields[] = {
    {"size", YL_OPTION_INT, "0", "pixels", "side of the window; 0: the whole image", 0, 65536, NULL,
     "kernel_size kernel k", YL_MEMBER(yl_pool_options, size)},
    {"stride", YL_OPTION_INT, "1", "pixels", "distance of neighbouring windows", 1, 65536, NULL, "strides s",
     YL_MEMBER(yl_pool_options, stride)},
    {"stride_x", YL_OPTION_INT, "0", "pixels", "horizontal distance; 0: stride", 0, 65536, NULL, "",
     YL_MEMBER(yl_pool_options, stride_x)},
    {"stride_y", YL_OPTION_INT, "0", "pixels", "vertical distance; 0: stride", 0, 65536, NULL, "",
     YL_MEMBER(yl_pool_options, stride_y)},
    {"padding", YL_OPTION_INT, "-1", "pixels", "added to height and width, half of it before; -1: size - 1", -1, 65536,
     NULL, "pad p", YL_MEMBER(yl_pool_options, padding)},
};
static const yl_field_table table = YL_FIELD_TABLE("avgpool", fields);

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const yl_pool_options *o = layer->options;
    *out = (yl_shape){in->n, 1, 1, in->c};
    return o->size ? yl__pool_shape(layer, o->size, in, out) : YL_OK;
}

static yl_pool_geom geometry(const yl_pass *p)
{
    const yl_pool_options *o = p->layer->options;
    yl_shape in = p->setting->in[0];
    if (o->size) return yl__pool_geometry(p, o->size);
    return (yl_pool_geom){in.n, in.h, in.w, in.c, 1, 1, (int32_t)in.h, (int32_t)in.w, 1, 1, 0, p->setting->dtype};
}

static yl_status forward(yl_pass *p)
{
    yl_pool_geom g = geometry(p);
    return p->ctx->device->kernels->avgpool_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_pool_geom g = geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->avgpool_backward(p->ctx, &g, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_avgpool = {
    .name = "avgpool",
    .stem = "avgpool",
    .help = "the mean over the whole image, or over windows",
    .fields = &table,
    .options_size = sizeof(yl_pool_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .channels = yl__channels_same,
    .forward = forward,
    .backward = backward,
};
