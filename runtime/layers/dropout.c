/* [dropout] of Darknet: in training each element is zeroed with `probability`, the others are scaled by 1 / (1 - probability);
 * in inference, and where frozen, the identity. */
#include "layers/layer.h"
#include "layers/channels.h"

typedef struct options {
    double probability;
} options;

static const yl_field fields[] = {
    {"probability", YL_OPTION_NUMBER, "0.5", "", "share of elements that training zeroes", 0, 0.999, NULL,
     "p rate ratio", YL_MEMBER(options, probability)},
};
static const yl_field_table table = YL_FIELD_TABLE("dropout", fields);

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    (void)layer;
    *out = *in;
    return YL_OK;
}

static yl_dropout_geom geometry(const yl_pass *p)
{
    const options *o = p->layer->options;
    return (yl_dropout_geom){.images = p->setting->out.n,
                             .count = yl_shape_count(p->setting->out) / p->setting->out.n,
                             .layer = p->layer_index,
                             .probability = (float)o->probability,
                             .dtype = p->setting->dtype};
}

static bool active(const yl_pass *p)
{
    const options *o = p->layer->options;
    return p->setting->mode == YL_TRAIN && o->probability > 0;
}

static yl_status forward(yl_pass *p)
{
    yl_device *device = p->ctx->device;
    yl_dropout_geom g = geometry(p);
    if (active(p)) return device->kernels->dropout(p->ctx, &g, p->now, p->x[0], p->y, 0);
    return p->y == p->x[0] ? YL_OK
                           : device->copy(device, p->y, p->x[0], yl_activation_bytes(p->setting, p->setting->out));
}

static yl_status backward(yl_pass *p)
{
    yl_dropout_geom g = geometry(p);
    if (!p->dx[0]) return YL_OK;
    yl_flat_geom flat = {g.images * g.count, g.dtype};
    if (active(p)) return p->ctx->device->kernels->dropout(p->ctx, &g, p->now, p->dy, p->dx[0], p->dx_beta[0]);
    return p->ctx->device->kernels->shortcut_backward(p->ctx, &flat, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_dropout = {
    .name = "dropout",
    .stem = "dropout",
    .help = "zeroes elements at random while training, and scales the others up",
    .fields = &table,
    .options_size = sizeof(options),
    .min_inputs = 1,
    .max_inputs = 1,
    .in_place = true,
    .random = true,
    .shape = shape,
    .channels = yl__channels_same,
    .forward = forward,
    .backward = backward,
};
