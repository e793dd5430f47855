/* [connected] of Darknet, a fully connected layer. The input is flattened in its own order (h, w, c); its activation, where a
 * cfg names one, is a layer of its own. */
#include "layers/channels.h"
#include "core/memory.h"

typedef struct options {
    int64_t output;
    bool bias;
} options;

static const yl_field fields[] = {
    {"output", YL_OPTION_INT, "1", "", "number of outputs", 1, 1 << 24, NULL, "units out_features filters num_output",
     YL_MEMBER(options, output)},
    {"bias", YL_OPTION_BOOL, "true", "", "add a bias per output", 0, 0, NULL, "use_bias", YL_MEMBER(options, bias)},
};
static const yl_field_table table = YL_FIELD_TABLE("connected", fields);

static int64_t flat(yl_shape s)
{
    return s.h * s.w * s.c;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const options *o = layer->options;
    if (flat(*in) > INT32_MAX / 4 || o->output * flat(*in) > (int64_t)1 << 40)
        return yl__fail(YL_INVALID, "%s: %lld inputs and %lld outputs are more than a fully connected layer can have",
                        layer->name, (long long)flat(*in), (long long)o->output);
    *out = (yl_shape){in->n, 1, 1, o->output};
    return YL_OK;
}

static yl_status params(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    const options *o = layer->options;
    out[0] = (yl_param){"weight", YL_WEIGHT, YL_INIT_FAN_IN, 2, {o->output, flat(*in)}, 0, YL_ROLE_FACTOR, true, true};
    out[1] = (yl_param){"bias", YL_BIAS, YL_INIT_ZERO, 1, {o->output}, 0, YL_ROLE_OFFSET, true, false};
    *count = o->bias ? 2 : 1;
    return YL_OK;
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    (void)layer;
    return YL_PRODUCT(2, in->n, flat(*in), out.c);
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    (void)layer, (void)out, (void)channel;
    answer->uniform = true; /* every pixel has its own weight */
    yl__channels_add(answer, 0, 0, in->c, YL_USE_MIX);
    return YL_OK;
}

static void narrow(const yl_layer *layer, int64_t in_c, int64_t out_c, void *to)
{
    (void)layer, (void)in_c;
    ((options *)to)->output = out_c;
}

static unsigned reads(const yl_layer *layer)
{
    (void)layer;
    return YL_READS_X;
}

static yl_status prepare(const yl_layer *layer, const yl_setting *setting, void *prepared, yl_needs *needs)
{
    (void)layer, (void)needs;
    yl_shape in = setting->in[0];
    *(yl_connected_geom *)prepared = (yl_connected_geom){in.n, flat(in), setting->out.c, setting->dtype};
    return YL_OK;
}

static yl_status forward(yl_pass *p)
{
    return p->ctx->device->kernels->connected_forward(p->ctx, p->prepared, p->x[0], p->param[0], p->param[1], p->y);
}

static yl_status backward(yl_pass *p)
{
    const yl_kernels *k = p->ctx->device->kernels;
    if (p->dparam[0] || p->dparam[1])
        YL_TRY(k->connected_backward_params(p->ctx, p->prepared, p->x[0], p->dy, p->dparam[0], p->dparam[1]));
    if (!p->dx[0]) return YL_OK;
    return k->connected_backward_data(p->ctx, p->prepared, p->dy, p->param[0], p->dx[0], p->dx_beta[0]);
}

const yl_layer_kind yl_layer_connected = {
    .name = "connected",
    .stem = "connected",
    .help = "a fully connected layer",
    .fields = &table,
    .options_size = sizeof(options),
    .prepared_size = sizeof(yl_connected_geom),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .params = params,
    .flops = flops,
    .channels = channels,
    .narrow = narrow,
    .reads = reads,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
