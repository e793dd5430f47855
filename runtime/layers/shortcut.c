/* [shortcut] of Darknet: the sum of two layers of equal shape. Its activation, where a cfg names one, is a layer of its
 * own. */
#include "layers/layer.h"

static const yl_field_table table = {.who = "shortcut"};

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    if (in[0].h != in[1].h || in[0].w != in[1].w || in[0].c != in[1].c)
        return yl__fail(
            YL_INVALID,
            "%s: input 2 is %lld x %lld x %lld (height, width, channels); expected %lld x %lld x %lld as input 1",
            layer->name, (long long)in[1].h, (long long)in[1].w, (long long)in[1].c, (long long)in[0].h,
            (long long)in[0].w, (long long)in[0].c);
    *out = in[0];
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    return p->ctx->device->kernels->shortcut_forward(p->ctx, yl_shape_count(p->setting->out), p->x[0], p->x[1], p->y);
}

static yl_status backward(yl_pass *p)
{
    int64_t count = yl_shape_count(p->setting->out);
    for (int i = 0; i < 2; i++)
        if (p->dx[i]) YL_TRY(p->ctx->device->kernels->shortcut_backward(p->ctx, count, p->dy, p->dx[i], p->dx_beta[i]));
    return YL_OK;
}

const yl_layer_kind yl_layer_shortcut = {
    .name = "shortcut",
    .stem = "shortcut",
    .fields = &table,
    .min_inputs = 2,
    .max_inputs = 2,
    .in_place = true,
    .shape = shape,
    .forward = forward,
    .backward = backward,
};
