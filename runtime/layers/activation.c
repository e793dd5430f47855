/* Activation: y = act(x), elementwise; see kernels/activation.h for the functions. */
#include "layers/activation.h"
#include "layers/channels.h"

#define AT(member) YL_MEMBER(yl_activation_options, member)
static const yl_field fields[] = {
    {"activation", YL_OPTION_ENUM, "leaky", "", "the function", 0, 0,
     "linear|leaky|relu|logistic|swish|mish|relu6|hardswish|hard_mish|tanh|elu|selu|gelu|hardtan|ramp|loggy|relie",
     "function act type silu sigmoid", AT(activation)},
    {"slope", YL_OPTION_NUMBER, "0.1", "", "slope of leaky below zero", 0, 1, NULL, "negative_slope alpha", AT(slope)},
};
static const yl_field_table table = YL_FIELD_TABLE("activation", fields);

static yl_activation_geom geometry(const yl_layer *layer, const yl_setting *s)
{
    const yl_activation_options *o = layer->options;
    return (yl_activation_geom){yl_shape_count(s->out), (yl_activation)o->activation, (float)o->slope, s->dtype};
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    (void)layer;
    *out = in[0];
    return YL_OK;
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    (void)layer, (void)in;
    return yl_shape_count(out);
}

static unsigned reads(const yl_layer *layer)
{
    const yl_activation_options *o = layer->options;
    switch ((yl_activation)o->activation) {
    case YL_ACT_linear:
        return YL_READS_NOTHING;
    case YL_ACT_swish:
    case YL_ACT_mish:
    case YL_ACT_hardswish:
    case YL_ACT_hard_mish:
    case YL_ACT_gelu:
        return YL_READS_X;
    default:
        return YL_READS_Y;
    }
}

static yl_status forward(yl_pass *p)
{
    yl_activation_geom g = geometry(p->layer, p->setting);
    return p->ctx->device->kernels->activation_forward(p->ctx, &g, p->x[0], p->y);
}

static yl_status backward(yl_pass *p)
{
    yl_activation_geom g = geometry(p->layer, p->setting);
    if (!p->dx[0]) return YL_OK;
    return p->ctx->device->kernels->activation_backward(p->ctx, &g, p->x[0], p->y, p->dy, p->dx_beta[0], p->dx[0]);
}

const yl_layer_kind yl_layer_activation = {
    .name = "activation",
    .stem = "act",
    .help = "an activation function, elementwise",
    .fields = &table,
    .options_size = sizeof(yl_activation_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .in_place = true,
    .shape = shape,
    .channels = yl__channels_same,
    .flops = flops,
    .reads = reads,
    .forward = forward,
    .backward = backward,
};
