/* [maxpool] of Darknet: maximum over size x size windows. Windows may hang over the image's edge; what lies outside counts
 * for nothing. Output size (h + padding - size) / stride + 1; the first window begins at -padding / 2. */
#include "layers/pool.h"
#include "layers/channels.h"

static const yl_field fields[] = {
    {"size", YL_OPTION_INT, "0", "pixels", "side of the window; 0: the stride", 0, 255, NULL, "kernel_size kernel k",
     YL_MEMBER(yl_pool_options, size)},
    {"stride", YL_OPTION_INT, "1", "pixels", "distance of neighbouring windows", 1, 65536, NULL, "strides s",
     YL_MEMBER(yl_pool_options, stride)},
    {"stride_x", YL_OPTION_INT, "0", "pixels", "horizontal distance; 0: stride", 0, 65536, NULL, "",
     YL_MEMBER(yl_pool_options, stride_x)},
    {"stride_y", YL_OPTION_INT, "0", "pixels", "vertical distance; 0: stride", 0, 65536, NULL, "",
     YL_MEMBER(yl_pool_options, stride_y)},
    {"padding", YL_OPTION_INT, "-1", "pixels", "added to height and width, half of it before; -1: size - 1", -1, 65536,
     NULL, "pad p", YL_MEMBER(yl_pool_options, padding)},
};
static const yl_field_table table = YL_FIELD_TABLE("maxpool", fields);

static int64_t side(const yl_layer *layer)
{
    const yl_pool_options *o = layer->options;
    return o->size ? o->size : o->stride;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    return yl__pool_shape(layer, side(layer), in, out);
}

static yl_status prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)layer, (void)prepared;
    if (setting->wants_dx) needs->state = (size_t)yl_shape_count(setting->out) * sizeof(uint16_t);
    return YL_OK;
}

static yl_quant_use quantised(const yl_layer *layer, const yl_setting *setting)
{
    (void)layer, (void)setting;
    return YL_QUANT_KEEPS;
}

static yl_status forward(yl_pass *p)
{
    yl_pool_geom g = yl__pool_geometry(p, side(p->layer));
    return p->ctx->device->kernels->maxpool_forward(p->ctx, &g, p->x[0], p->y, p->state);
}

static yl_status backward(yl_pass *p)
{
    yl_pool_geom g = yl__pool_geometry(p, side(p->layer));
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->maxpool_backward(p->ctx, &g, p->state, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_maxpool = {
    .name = "maxpool",
    .stem = "maxpool",
    .help = "the maximum over windows",
    .fields = &table,
    .options_size = sizeof(yl_pool_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .channels = yl__channels_same,
    .quantised = quantised,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
