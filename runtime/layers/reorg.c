/* [reorg] of Darknet: pixels into channels by its own permutation (see kernels/reorg.c), which YOLOv2 was trained with. */
#include "layers/channels.h"
#include "layers/reorg.h"

static const yl_field fields[] = YL__REORG_FIELDS;
static const yl_field_table table = YL_FIELD_TABLE("reorg", fields);

/* Darknet reads x's memory as if it had stride^2 times fewer channels. */
static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    int64_t s = ((const yl_reorg_options *)layer->options)->stride;
    YL_TRY(yl__reorg_shape(layer, in, out));
    if (in->c % (s * s))
        return yl__fail(YL_INVALID, "%s: expected channels divisible by stride^2 = %lld, got %lld", layer->name,
                        (long long)(s * s), (long long)in->c);
    return YL_OK;
}

/* The channels of x in groups of stride^2: whatever the height and width, output channel o is made of pixels of group
 * (o / stride^2) mod (number of groups) alone. */
static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    int64_t s = ((const yl_reorg_options *)layer->options)->stride, size = s * s;
    (void)out; /* not uniform: several channels make a pattern of pixels */
    yl__channels_add(answer, 0, channel / size % (in->c / size) * size, size, YL_USE_EACH);
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    yl_reorg_geom g = yl__reorg_geometry(p);
    return p->ctx->device->kernels->reorg_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_reorg_geom g = yl__reorg_geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->reorg_backward(p->ctx, &g, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_reorg = {
    .name = "reorg",
    .stem = "reorg",
    .help = "pixels into channels, in the order that YOLOv2's weights expect",
    .fields = &table,
    .options_size = sizeof(yl_reorg_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .channels = channels,
    .forward = forward,
    .backward = backward,
};
