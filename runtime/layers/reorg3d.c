/* [reorg3d] of Darknet: plain space-to-depth. */
#include "layers/channels.h"
#include "layers/reorg.h"

static const yl_field fields[] = YL__REORG_FIELDS;
static const yl_field_table table = YL_FIELD_TABLE("reorg3d", fields);

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    (void)layer, (void)out;
    answer->uniform = true;
    yl__channels_add(answer, 0, channel % in->c, 1, YL_USE_EACH);
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    yl_reorg_geom g = yl__reorg_geometry(p);
    return p->ctx->device->kernels->reorg3d_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_reorg_geom g = yl__reorg_geometry(p);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->reorg3d_backward(p->ctx, &g, p->dy, p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_reorg3d = {
    .name = "reorg3d",
    .stem = "reorg3d",
    .help = "plain space-to-depth",
    .fields = &table,
    .options_size = sizeof(yl_reorg_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = yl__reorg_shape,
    .channels = channels,
    .forward = forward,
    .backward = backward,
};
