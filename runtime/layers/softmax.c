/* [softmax] of Darknet as a classifier's head: class probabilities, and the cross-entropy with the class of each image (that of
 * its first object row). */
#include "layers/layer.h"

static const yl_field_table table = {.owner = "softmax"};
static const char *const parts[] = {"class", NULL};

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    if (in->h != 1 || in->w != 1)
        return yl__fail(YL_INVALID,
                        "%s: expected a 1 x 1 input (an avgpool or a connected layer before it), got %lld x %lld",
                        layer->name, (long long)in->h, (long long)in->w);
    *out = *in;
    return YL_OK;
}

static yl_softmax_geom geometry(const yl_setting *s)
{
    return (yl_softmax_geom){s->out.n, s->out.c, s->dtype};
}

static yl_status forward(yl_pass *p)
{
    yl_softmax_geom g = geometry(p->setting);
    return p->ctx->device->kernels->softmax_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status loss(yl_pass *p, const yl_truth *truth, double out[YL_MAX_LOSS_PARTS])
{
    yl_softmax_geom g = geometry(p->setting);
    return p->ctx->device->kernels->softmax_loss(p->ctx, &g, p->now, p->y, truth, p->dx[0], p->dx_beta[0], out);
}

const yl_layer_kind yl_layer_softmax = {
    .name = "softmax",
    .stem = "softmax",
    .help = "class probabilities, and the cross-entropy",
    .fields = &table,
    .min_inputs = 1,
    .max_inputs = 1,
    .loss_parts = parts,
    .shape = shape,
    .forward = forward,
    .loss = loss,
};
