/* Convolution, with Darknet's keys. Kernels do the numbers (kernels/conv2d.*.c); here are shapes, the choice of
 * algorithms, and what is folded in: a batch-norm into the weights (batchnorm_fold has the formula), an activation into the
 * epilogue. */
#include "layers/conv2d.h"
#include "backend/conv2d.h"
#include "layers/activation.h"
#include "core/memory.h"
#include "layers/batchnorm.h"
#include "layers/channels.h"

#include <string.h>

enum { WEIGHT, BIAS };
enum { BN, ACT }; /* places in `absorbs` */

#define AT(member) YL_MEMBER(yl_conv2d_options, member)
static const yl_field fields[] = {
    {"filters", YL_OPTION_INT, "1", "", "output channels", 1, 65536, NULL, "out_channels channels n_filters",
     AT(filters)},
    {"size", YL_OPTION_INT, "1", "px", "side of the square kernel", 1, 255, NULL, "kernel kernel_size ksize", AT(size)},
    {"stride", YL_OPTION_INT, "1", "px", "step between outputs", 1, 255, NULL, "strides", AT(stride)},
    {"stride_x", YL_OPTION_INT, "0", "px", "horizontal step; 0: stride", 0, 255, NULL, "", AT(stride_x)},
    {"stride_y", YL_OPTION_INT, "0", "px", "vertical step; 0: stride", 0, 255, NULL, "", AT(stride_y)},
    {"pad", YL_OPTION_BOOL, "false", "", "pad by half the kernel; overrides padding", 0, 0, NULL, "same", AT(pad)},
    {"padding", YL_OPTION_INT, "0", "px", "zeros on every side, times dilation", 0, 255, NULL, "", AT(padding)},
    {"dilation", YL_OPTION_INT, "1", "px", "distance between taps", 1, 255, NULL, "dilation_rate", AT(dilation)},
    {"groups", YL_OPTION_INT, "1", "", "channel groups that do not mix", 1, 65536, NULL, "group", AT(groups)},
    {"bias", YL_OPTION_BOOL, "true", "", "add a bias per output channel", 0, 0, NULL, "use_bias", AT(bias)},
    {"stopbackward", YL_OPTION_INT, "0", "",
     "1: training keeps it and all layers before it frozen (freeze=thaw overrides this)", 0, INT32_MAX, NULL, "",
     AT(stopbackward)},
};
static const yl_field_table table = YL_FIELD_TABLE("conv2d", fields);

typedef struct prepared_conv {
    yl_conv2d_geom g;
    const yl_conv2d_algo *algo[YL_DIRECTIONS];
    bool keeps_packed;                   /* weights are packed once (inference, frozen) and live in p->packed */
    size_t bias_at;                      /* where the folded bias lies in p->packed: behind the weights */
    size_t weight_bytes[2];              /* packed weights of forward and backward data; 0: the parameters themselves */
    size_t scratch_bytes[YL_DIRECTIONS]; /* of the algorithms, rounded up; packed weights follow in the scratch */
} prepared_conv;

static const char *algorithm(const void *prepared, int direction)
{
    const prepared_conv *c = prepared;
    return c->algo[direction] ? c->algo[direction]->name : NULL;
}

static int64_t stride_of(int64_t own, int64_t common)
{
    return own ? own : common;
}

/* A single tap has no distance to a next one. */
static int64_t dilation_of(const yl_conv2d_options *o)
{
    return o->size == 1 ? 1 : o->dilation;
}

static int64_t padding_of(const yl_conv2d_options *o)
{
    return (o->pad ? o->size / 2 : o->padding) * dilation_of(o);
}

static int64_t out_size(int64_t in, const yl_conv2d_options *o, int64_t stride)
{
    int64_t room = in + 2 * padding_of(o) - (dilation_of(o) * (o->size - 1) + 1);
    return room < 0 ? 0 : room / stride + 1;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const yl_conv2d_options *o = layer->options;
    if (in[0].c % o->groups || o->filters % o->groups)
        return yl__fail(YL_INVALID,
                        "%s: groups=%lld divides neither or only one of %lld input channels and %lld filters; "
                        "expected a divisor of both",
                        layer->name, (long long)o->groups, (long long)in[0].c, (long long)o->filters);
    *out = (yl_shape){in[0].n, out_size(in[0].h, o, stride_of(o->stride_y, o->stride)),
                      out_size(in[0].w, o, stride_of(o->stride_x, o->stride)), o->filters};
    if (out->h < 1 || out->w < 1)
        return yl__fail(
            YL_INVALID,
            "%s: an input of %lldx%lld (width x height) with %lld padding is smaller than the kernel of %lld",
            layer->name, (long long)in[0].w, (long long)in[0].h, (long long)padding_of(o),
            (long long)(dilation_of(o) * (o->size - 1) + 1));
    return YL_OK;
}

static yl_status params(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    const yl_conv2d_options *o = layer->options;
    int64_t from = in[0].c / o->groups;
    out[WEIGHT] = (yl_param){"weight", YL_WEIGHT,      YL_INIT_FAN_IN, 4,   {o->filters, o->size, o->size, from},
                             0,        YL_ROLE_FACTOR, true,           true};
    out[BIAS] = (yl_param){"bias", YL_BIAS, YL_INIT_ZERO, 1, {o->filters}, 0, YL_ROLE_OFFSET, true, false};
    *count = o->bias ? 2 : 1;
    return YL_OK;
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    const yl_conv2d_options *o = layer->options;
    return YL_PRODUCT(2, yl_shape_count(out), o->size, o->size, in[0].c / o->groups);
}

/* Depthwise: each input channel has its own filters. */
static bool depthwise(const yl_conv2d_options *o, int64_t in_c)
{
    return o->groups > 1 && o->groups == in_c;
}

static yl_status channels(const yl_layer *layer, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *c)
{
    const yl_conv2d_options *o = layer->options;
    int64_t from = in[0].c / o->groups, to = out.c / o->groups;
    bool each = depthwise(o, in[0].c);
    c->uniform = padding_of(o) == 0;
    c->parts = each ? 1 : o->groups;
    yl__channels_add(c, 0, channel / to * from, from, each ? YL_USE_EACH : YL_USE_MIX);
    return YL_OK;
}

static void narrow(const yl_layer *layer, int64_t in_c, int64_t out_c, void *options)
{
    yl_conv2d_options *o = options;
    if (depthwise(o, layer->in_c)) o->groups = in_c;
    o->filters = out_c;
}

static unsigned reads(const yl_layer *layer)
{
    (void)layer;
    return YL_READS_X;
}

static yl_conv2d_geom geometry(const yl_layer *layer, const yl_setting *s)
{
    const yl_conv2d_options *o = layer->options;
    const yl_activation_options *act = s->absorbed[ACT] ? s->absorbed[ACT]->options : NULL;
    int32_t size = (int32_t)o->size, dilation = (int32_t)dilation_of(o), padding = (int32_t)padding_of(o);
    return (yl_conv2d_geom){
        .n = s->in[0].n,
        .h = s->in[0].h,
        .w = s->in[0].w,
        .c = s->in[0].c,
        .oh = s->out.h,
        .ow = s->out.w,
        .oc = s->out.c,
        .kh = size,
        .kw = size,
        .dh = dilation,
        .dw = dilation,
        .pt = padding,
        .pl = padding,
        .sh = (int32_t)stride_of(o->stride_y, o->stride),
        .sw = (int32_t)stride_of(o->stride_x, o->stride),
        .groups = (int32_t)o->groups,
        .dtype = s->dtype,
        .act = act ? (yl_activation)act->activation : YL_ACT_linear,
        .leaky_slope = act ? (float)act->slope : 0,
        .tf32 = s->tf32,
        .bf16 = s->bf16,
        .out_dtype = s->out_dtype,
        .x_quant = s->in_quant[0],
        .y_quant = s->out_quant,
    };
}

/* Has the device an algorithm for bytes? */
static yl_quant_use quantised(const yl_layer *layer, const yl_setting *s)
{
    const yl_conv2d_algo *const *list;
    yl_conv2d_geom g = geometry(layer, s);
    g.dtype = YL_U8;
    if (s->ctx->device->kernels->conv2d_algorithms(&list) != YL_OK) return YL_QUANT_NO;
    for (; *list; list++)
        if ((*list)->supports(s->ctx, &g, YL_FORWARD)) return YL_QUANT_COMPUTES;
    return YL_QUANT_NO;
}

static size_t round_up(size_t bytes)
{
    return (bytes + YL_ALIGNMENT - 1) / YL_ALIGNMENT * YL_ALIGNMENT;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Percent of the weights that are zero, rounded down to what is worth telling apart. Weights that are all zero have no values yet. */
static int32_t zeros_in(const yl_setting *s, const yl_conv2d_geom *g)
{
    const float *w = s->weights;
    int64_t zero = 0, count = g->oc * g->kh * g->kw * (g->c / g->groups);
    for (int64_t i = 0; w && i < count; i++) zero += w[i] == 0;
    int64_t percent = zero == count ? 0 : zero * 100 / count;
    return (int32_t)(percent < 50 ? 0 : percent >= 98 ? 98 : percent / 5 * 5);
}

static bool suits(const yl_layer *layer, const yl_setting *s, const void *prepared)
{
    const prepared_conv *c = prepared;
    (void)layer;
    return zeros_in(s, &c->g) == c->g.zeros;
}

/* Chooses a direction's algorithm and notes what it needs. */
static yl_status prepare_direction(const yl_setting *s, prepared_conv *c, yl_direction d)
{
    YL_TRY(yl_conv2d_choose(s->ctx, &c->g, d, d == YL_BACKWARD_DATA || !c->keeps_packed, s->weights, s->algorithm,
                            &c->algo[d]));
    c->scratch_bytes[d] = round_up(c->algo[d]->scratch_bytes(s->ctx, &c->g, d));
    if (d != YL_BACKWARD_WEIGHTS) c->weight_bytes[d] = round_up(c->algo[d]->packed_bytes(&c->g, d));
    return YL_OK;
}

/* Packed, where kept: the weights, and the bias where a batch-norm is folded; its factors lie in the scratch while weights are packed.
 * Weights that the algorithm takes as they are need a copy only where a batch-norm is folded into them. */
static void prepare_packed(const yl_setting *s, prepared_conv *c, yl_needs *needs)
{
    const size_t STEP = 16;
    size_t row = (size_t)c->g.oc * sizeof(float), bytes = c->algo[YL_FORWARD]->packed_bytes(&c->g, YL_FORWARD);
    if (!c->keeps_packed) return;
    if (s->absorbed[BN] && !bytes)
        bytes = c->weight_bytes[YL_FORWARD] = row * (size_t)(c->g.kh * c->g.kw * (c->g.c / c->g.groups));
    c->bias_at = (bytes + STEP - 1) / STEP * STEP;
    needs->packed = s->absorbed[BN] ? c->bias_at + row : bytes;
    if (s->absorbed[BN]) needs->scratch = larger(needs->scratch, row);
}

static yl_status prepare(const yl_layer *layer, const yl_setting *s, void *prepared, yl_needs *needs)
{
    prepared_conv *c = prepared;
    c->g = geometry(layer, s);
    c->g.zeros = zeros_in(s, &c->g);
    c->keeps_packed = s->mode == YL_INFER;
    YL_TRY(prepare_direction(s, c, YL_FORWARD));
    if (s->wants_dx) YL_TRY(prepare_direction(s, c, YL_BACKWARD_DATA));
    if (s->wants_dparams) YL_TRY(prepare_direction(s, c, YL_BACKWARD_WEIGHTS));
    size_t forward = c->scratch_bytes[YL_FORWARD] + (c->keeps_packed ? 0 : c->weight_bytes[YL_FORWARD]);
    size_t data = c->scratch_bytes[YL_BACKWARD_DATA] + c->weight_bytes[YL_BACKWARD_DATA];
    needs->scratch = larger(larger(forward, data), c->scratch_bytes[YL_BACKWARD_WEIGHTS]);
    prepare_packed(s, c, needs);
    return YL_OK;
}

static const float *bias_of(const yl_pass *p)
{
    const yl_conv2d_options *o = p->layer->options;
    return o->bias ? p->param[BIAS] : NULL;
}

static float *folded_bias(const yl_pass *p)
{
    const prepared_conv *c = p->prepared;
    return (float *)((char *)p->packed + c->bias_at);
}

/* Factors and bias of the folded batch-norm, per output channel. */
static yl_status fold(const yl_pass *p, float *bias, float *factor)
{
    const float *const *q = p->absorbed_param[BN];
    yl_batchnorm_geom g = yl__batchnorm_geometry(p->setting->absorbed[BN], p->setting);
    return p->ctx->device->kernels->batchnorm_fold(p->ctx, &g, q[YL_BN_SCALE], q[YL_BN_BIAS], q[YL_BN_MEAN],
                                                   q[YL_BN_VAR], bias_of(p), factor, bias);
}

static yl_status pack(yl_pass *p)
{
    const prepared_conv *c = p->prepared;
    if (!c->keeps_packed || !p->packed) return YL_OK;
    float *factor = p->scratch;
    if (p->setting->absorbed[BN]) YL_TRY(fold(p, folded_bias(p), factor));
    if (!c->weight_bytes[YL_FORWARD]) return YL_OK;
    return c->algo[YL_FORWARD]->pack(p->ctx, &c->g, YL_FORWARD, p->param[WEIGHT],
                                     p->setting->absorbed[BN] ? factor : NULL, p->packed);
}

/* Packs the weights into the scratch behind the algorithm's own part, where it wants them packed. */
static yl_status pack_now(yl_pass *p, yl_direction d, const void **out)
{
    const prepared_conv *c = p->prepared;
    *out = p->param[WEIGHT];
    if (!c->weight_bytes[d]) return YL_OK;
    void *packed = (char *)p->scratch + c->scratch_bytes[d];
    *out = packed;
    return c->algo[d]->pack(p->ctx, &c->g, d, p->param[WEIGHT], NULL, packed);
}

static yl_status forward(yl_pass *p)
{
    const prepared_conv *c = p->prepared;
    yl_conv2d_run run = {.x = p->x[0], .y = p->y, .bias = bias_of(p), .scratch = p->scratch};
    if (c->keeps_packed) {
        run.packed = c->weight_bytes[YL_FORWARD] ? p->packed : (void *)p->param[WEIGHT];
        if (p->setting->absorbed[BN]) run.bias = folded_bias(p);
    } else {
        YL_TRY(pack_now(p, YL_FORWARD, &run.packed));
    }
    return c->algo[YL_FORWARD]->run(p->ctx, &c->g, YL_FORWARD, &run);
}

static yl_status backward(yl_pass *p)
{
    const prepared_conv *c = p->prepared;
    const yl_conv2d_options *o = p->layer->options;
    yl_conv2d_run run = {.x = p->x[0], .dy = p->dy, .scratch = p->scratch, .dweight = p->dparam[WEIGHT]};
    yl_columns_geom columns = {c->g.n * c->g.oh * c->g.ow, c->g.oc, c->g.dtype};
    if (p->dparam[WEIGHT]) YL_TRY(c->algo[YL_BACKWARD_WEIGHTS]->run(p->ctx, &c->g, YL_BACKWARD_WEIGHTS, &run));
    if (o->bias && p->dparam[BIAS])
        YL_TRY(p->ctx->device->kernels->column_sums(p->ctx, &columns, p->dy, p->dparam[BIAS]));
    if (!p->dx[0]) return YL_OK;
    YL_TRY(pack_now(p, YL_BACKWARD_DATA, &run.packed));
    run.dx = p->dx[0], run.beta = p->dx_beta[0];
    return c->algo[YL_BACKWARD_DATA]->run(p->ctx, &c->g, YL_BACKWARD_DATA, &run);
}

static const yl_layer_kind *const absorbs[] = {[BN] = &yl_layer_batchnorm, [ACT] = &yl_layer_activation, NULL};

const yl_layer_kind yl_layer_conv2d = {
    .name = "conv2d",
    .stem = "conv",
    .help = "convolution, with Darknet's keys",
    .fields = &table,
    .options_size = sizeof(yl_conv2d_options),
    .prepared_size = sizeof(prepared_conv),
    .min_inputs = 1,
    .max_inputs = 1,
    .absorbs = absorbs,
    .shape = shape,
    .params = params,
    .flops = flops,
    .channels = channels,
    .narrow = narrow,
    .quantised = quantised,
    .reads = reads,
    .prepare = prepare,
    .suits = suits,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .algorithm = algorithm,
};
