/* Batch normalisation over n, h and w, per channel. Training uses the batch's own statistics and moves the running ones
 * (running = (1 - momentum) * running + momentum * batch, the variance with n - 1, as Darknet); inference, frozen
 * layers and layers with frozen statistics use the running ones. An activation behind it is computed along, so that training keeps the
 * input alone. */
#include "layers/batchnorm.h"
#include "comm/comm.h"
#include "layers/activation.h"
#include "layers/channels.h"

#include <string.h>

#define AT(member) YL_MEMBER(yl_batchnorm_options, member)
static const yl_field fields[] = {
    {"eps", YL_OPTION_NUMBER, "1e-5", "", "added to the variance", 0, 1, NULL, "epsilon", AT(eps)},
    {"momentum", YL_OPTION_NUMBER, "0.1", "", "share of the batch in the running statistics", 0, 1, NULL, "decay",
     AT(momentum)},
};
static const yl_field_table table = YL_FIELD_TABLE("batchnorm", fields);
static const yl_layer_kind *const absorbs[] = {&yl_layer_activation, NULL};

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    (void)layer;
    *out = in[0];
    return YL_OK;
}

static yl_status params(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    (void)layer;
    out[YL_BN_SCALE] = (yl_param){"scale", YL_SCALE, YL_INIT_ONE, 1, {in[0].c}, 0, YL_ROLE_FACTOR, true, false};
    out[YL_BN_BIAS] = (yl_param){"bias", YL_BIAS, YL_INIT_ZERO, 1, {in[0].c}, 0, YL_ROLE_OFFSET, true, false};
    out[YL_BN_MEAN] = (yl_param){"mean", YL_STATISTIC, YL_INIT_ZERO, 1, {in[0].c}, 0, YL_ROLE_CENTRE, true, false};
    out[YL_BN_VAR] = (yl_param){"var", YL_STATISTIC, YL_INIT_ONE, 1, {in[0].c}, 0, YL_ROLE_OTHER, true, false};
    *count = 4;
    return YL_OK;
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    (void)layer, (void)in;
    return 2 * yl_shape_count(out);
}

static unsigned reads(const yl_layer *layer)
{
    (void)layer;
    return YL_READS_X;
}

yl_batchnorm_geom yl__batchnorm_geometry(const yl_layer *layer, const yl_setting *s)
{
    const yl_batchnorm_options *o = layer->options;
    return (yl_batchnorm_geom){.rows = s->out.n * s->out.h * s->out.w,
                               .c = s->out.c,
                               .dtype = s->dtype,
                               .eps = (float)o->eps,
                               .momentum = (float)o->momentum};
}

/* Of the layer with what it has absorbed. */
static yl_batchnorm_geom geometry(const yl_layer *layer, const yl_setting *s)
{
    yl_batchnorm_geom g = yl__batchnorm_geometry(layer, s);
    if (!s->absorbed[0]) return g;
    const yl_activation_options *o = s->absorbed[0]->options;
    g.act = (yl_activation)o->activation, g.leaky_slope = (float)o->slope;
    return g;
}

/* Numbers that ranks exchange: two per channel, of this one and of all. */
static size_t shared_bytes(const yl_batchnorm_geom *g)
{
    int size = yl_comm_here()->size;
    return size == 1 ? 0 : 2 * (size_t)g->c * sizeof(float) * (size_t)(1 + size);
}

/* State: mean and inverse deviation that forward used, {2, c}. In inference they live in the scratch. */
static yl_status prepare(const yl_layer *layer, const yl_setting *s, void *prepared, yl_needs *needs)
{
    (void)prepared;
    yl_batchnorm_geom g = geometry(layer, s);
    YL_TRY(s->ctx->device->kernels->batchnorm_scratch(s->ctx, &g, &needs->scratch));
    needs->scratch = (needs->scratch + 63) / 64 * 64 + shared_bytes(&g);
    needs->state = 2 * (size_t)g.c * sizeof(float);
    return YL_OK;
}

/* ---- with statistics of all ranks' images -------------------------------------------------------------------------------------- */

/* Two numbers per channel, of this rank and of all; behind what the kernels need. */
static float *shared_numbers(const yl_pass *p, const yl_batchnorm_geom *g)
{
    size_t kernels = 0;
    (void)p->ctx->device->kernels->batchnorm_scratch(p->ctx, g, &kernels);
    return (float *)((char *)p->scratch + (kernels + 63) / 64 * 64);
}

static yl_status gather(const yl_pass *p, const yl_batchnorm_geom *g, float *mine)
{
    size_t bytes = 2 * (size_t)g->c * sizeof *mine;
    return p->ranks->gather(p->ranks, YL_CHANNEL_MAIN, mine, (int64_t)bytes, mine + 2 * g->c);
}

/* Means of equally many rows each: mean = sum mean_r / ranks, var = sum (var_r + (mean_r - mean)^2) / ranks. */
static yl_status share_statistics(const yl_pass *p, const yl_batchnorm_geom *g, float *mean, float *var)
{
    float *mine = shared_numbers(p, g), *all = mine + 2 * g->c;
    int size = p->ranks->size;
    memcpy(mine, mean, (size_t)g->c * sizeof *mine), memcpy(mine + g->c, var, (size_t)g->c * sizeof *mine);
    YL_TRY(gather(p, g, mine));
    for (int64_t j = 0; j < g->c; j++) {
        double m = 0, v = 0;
        for (int r = 0; r < size; r++) m += all[2 * g->c * r + j];
        m /= size;
        for (int r = 0; r < size; r++) {
            const float *of = all + 2 * g->c * r + j;
            v += of[g->c] + (of[0] - m) * (of[0] - m);
        }
        mean[j] = (float)m, var[j] = (float)(v / size);
    }
    return YL_OK;
}

/* This rank's sums are its parameters' gradients, and those of all ranks decide the input's. */
static yl_status backward_shared(yl_pass *p, const yl_batchnorm_geom *g, const float *mean, const float *inverse)
{
    const yl_kernels *k = p->ctx->device->kernels;
    float *mine = shared_numbers(p, g), *all = mine + 2 * g->c, *bias = mine, *scale = mine + g->c;
    memset(mine, 0, 2 * (size_t)g->c * sizeof *mine);
    YL_TRY(k->batchnorm_backward(p->ctx, g, p->x[0], p->dy, mean, inverse, p->param[YL_BN_SCALE], p->param[YL_BN_BIAS],
                                 true, 0, NULL, scale, bias, p->scratch));
    for (int64_t j = 0; j < g->c; j++) {
        if (p->dparam[YL_BN_SCALE]) p->dparam[YL_BN_SCALE][j] += scale[j];
        if (p->dparam[YL_BN_BIAS]) p->dparam[YL_BN_BIAS][j] += bias[j];
    }
    YL_TRY(gather(p, g, mine));
    if (!p->dx[0]) return YL_OK;
    memset(mine, 0, 2 * (size_t)g->c * sizeof *mine);
    for (int r = 0; r < p->ranks->size; r++)
        for (int64_t j = 0; j < 2 * g->c; j++) mine[j] += all[2 * g->c * r + j];
    return k->batchnorm_input(p->ctx, g, g->rows * p->ranks->size, p->x[0], p->dy, mean, inverse, p->param[YL_BN_SCALE],
                              mine, p->dx_beta[0], p->dx[0], p->scratch);
}

/* The batch's statistics, which the running ones take in, or the running ones themselves. */
static yl_status find_statistics(yl_pass *p, const yl_batchnorm_geom *g, float *mean, float *inverse)
{
    yl_device *device = p->ctx->device;
    const yl_kernels *k = device->kernels;
    float *running_mean = p->param[YL_BN_MEAN], *running_var = p->param[YL_BN_VAR];
    if (p->setting->mode != YL_TRAIN) {
        YL_TRY(device->copy(device, mean, running_mean, (size_t)g->c * sizeof *mean));
        return k->batchnorm_inverse(p->ctx, g, running_var, inverse);
    }
    float *var = inverse; /* which it becomes in place */
    yl_batchnorm_geom all = *g;
    YL_TRY(k->batchnorm_statistics(p->ctx, g, p->x[0], mean, var, p->scratch));
    if (p->ranks) {
        YL_TRY(share_statistics(p, g, mean, var));
        all.rows *= p->ranks->size;
    }
    if (p->update_statistics) YL_TRY(k->batchnorm_move(p->ctx, &all, p->now, mean, var, running_mean, running_var));
    return k->batchnorm_inverse(p->ctx, g, var, inverse);
}

static yl_status forward(yl_pass *p)
{
    yl_batchnorm_geom g = geometry(p->layer, p->setting);
    float *mean = p->state, *inverse = mean + g.c;
    if (!p->again) YL_TRY(find_statistics(p, &g, mean, inverse));
    return p->ctx->device->kernels->batchnorm_forward(p->ctx, &g, p->x[0], mean, inverse, p->param[YL_BN_SCALE],
                                                      p->param[YL_BN_BIAS], p->y, p->scratch);
}

static yl_status backward(yl_pass *p)
{
    yl_batchnorm_geom g = geometry(p->layer, p->setting);
    const float *mean = p->state, *inverse = mean + g.c;
    if (p->ranks && p->setting->mode == YL_TRAIN) return backward_shared(p, &g, mean, inverse);
    return p->ctx->device->kernels->batchnorm_backward(p->ctx, &g, p->x[0], p->dy, mean, inverse, p->param[YL_BN_SCALE],
                                                       p->param[YL_BN_BIAS], p->setting->mode == YL_TRAIN,
                                                       p->dx_beta[0], p->dx[0], p->dparam[YL_BN_SCALE],
                                                       p->dparam[YL_BN_BIAS], p->scratch);
}

const yl_layer_kind yl_layer_batchnorm = {
    .name = "batchnorm",
    .stem = "bn",
    .help = "batch normalisation per channel",
    .fields = &table,
    .options_size = sizeof(yl_batchnorm_options),
    .min_inputs = 1,
    .max_inputs = 1,
    .in_place = true,
    .absorbs = absorbs,
    .absorbs_in_training = true,
    .shape = shape,
    .channels = yl__channels_same,
    .params = params,
    .flops = flops,
    .reads = reads,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
