/* [tensor_train]: a fully connected layer whose weight is a tensor train (Oseledets, "Tensor-train decomposition", SIAM J. Sci. Comput. 33,
 * 2011; Novikov et al., "Tensorizing neural networks", NIPS 2015). The inputs, flattened in their own order (h, w, c), are counted by
 * several modes n1 x n2 x ..., the outputs by as many, m1 x m2 x ..., each in row-major order, and
 *
 *   weight[(i1 i2 ...), (j1 j2 ...)] = core1[i1, :, j1] core2[:, i2, :, j2] ...          core k: {m_k, r_k, r_(k-1), n_k}
 *
 * where r_0 = r_d = 1. So it has sum of m_k r_k r_(k-1) n_k numbers instead of the product of all modes. */
#include "layers/layer.h"
#include "core/memory.h"

#include <math.h>
#include <stdio.h>

enum { MOST = YL_MAX_PARAMS - 1 }; /* cores; the last parameter is the bias */

typedef struct options {
    yl_numbers in_modes, out_modes, ranks;
    bool bias;
} options;

#define AT(member) YL_MEMBER(options, member)
static const yl_field fields[] = {
    {"in_modes", YL_OPTION_NUMBERS, NULL, "", "2 to 7 numbers, whose product is the number of inputs", 1, 1 << 24, NULL,
     "", AT(in_modes)},
    {"out_modes", YL_OPTION_NUMBERS, NULL, "", "as many, whose product is the number of outputs", 1, 1 << 24, NULL, "",
     AT(out_modes)},
    {"ranks", YL_OPTION_NUMBERS, NULL, "", "one between every two modes", 1, 1 << 24, NULL, "tt_ranks", AT(ranks)},
    {"bias", YL_OPTION_BOOL, "true", "", "add a bias per output", 0, 0, NULL, "use_bias", AT(bias)},
};
static const yl_field_table table = YL_FIELD_TABLE("tensor_train", fields);

typedef struct core {
    int64_t m, n, before, behind; /* modes of outputs and inputs, ranks */
} core;

static core core_of(const options *o, int64_t k)
{
    int64_t d = o->in_modes.count;
    return (core){(int64_t)o->out_modes.at[k], (int64_t)o->in_modes.at[k], k > 0 ? (int64_t)o->ranks.at[k - 1] : 1,
                  k + 1 < d ? (int64_t)o->ranks.at[k] : 1};
}

static int64_t flat(yl_shape s)
{
    return s.h * s.w * s.c;
}

/* The product of the numbers from..to-1, at most 2^40. */
static int64_t product(const yl_numbers *numbers, int64_t from, int64_t to)
{
    int64_t most = (int64_t)1 << 40, all = 1;
    for (int64_t k = from; k < to; k++) {
        int64_t mode = (int64_t)numbers->at[k];
        all = all > most / mode ? most : all * mode;
    }
    return all;
}

static yl_status check_whole(const yl_layer *layer, const char *key, const yl_numbers *numbers)
{
    for (int64_t k = 0; k < numbers->count; k++)
        if (numbers->at[k] != floor(numbers->at[k]))
            return yl__fail(YL_INVALID, "%s: %s: expected whole numbers, got %g", layer->name, key, numbers->at[k]);
    return YL_OK;
}

/* A rank is at most that of the weight's unfolding there. */
static yl_status check_ranks(const yl_layer *layer, const options *o)
{
    int64_t d = o->in_modes.count;
    for (int64_t k = 0; k + 1 < d; k++) {
        double left = (double)product(&o->in_modes, 0, k + 1) * (double)product(&o->out_modes, 0, k + 1);
        double right = (double)product(&o->in_modes, k + 1, d) * (double)product(&o->out_modes, k + 1, d);
        double full = left < right ? left : right;
        if (o->ranks.at[k] > full)
            return yl__fail(YL_INVALID, "%s: ranks: expected at most %.0f between modes %lld and %lld, got %.0f",
                            layer->name, full, (long long)k + 1, (long long)k + 2, o->ranks.at[k]);
    }
    return YL_OK;
}

static yl_status shape(const yl_layer *layer, const yl_shape *in, yl_shape *out)
{
    const options *o = layer->options;
    int64_t d = o->in_modes.count;
    if (d < 2 || d > MOST || o->out_modes.count != d || o->ranks.count != d - 1)
        return yl__fail(YL_INVALID,
                        "%s: expected 2 to %d in_modes, as many out_modes and one rank fewer, got %lld, %lld and %lld",
                        layer->name, MOST, (long long)d, (long long)o->out_modes.count, (long long)o->ranks.count);
    YL_TRY(check_whole(layer, "in_modes", &o->in_modes));
    YL_TRY(check_whole(layer, "out_modes", &o->out_modes));
    YL_TRY(check_whole(layer, "ranks", &o->ranks));
    if (product(&o->in_modes, 0, d) != flat(*in))
        return yl__fail(YL_INVALID, "%s: in_modes: expected a product of %lld, the inputs, got %lld", layer->name,
                        (long long)flat(*in), (long long)product(&o->in_modes, 0, d));
    if (product(&o->out_modes, 0, d) > 1 << 24)
        return yl__fail(YL_INVALID, "%s: out_modes: expected a product of at most %d, got %lld", layer->name, 1 << 24,
                        (long long)product(&o->out_modes, 0, d));
    YL_TRY(check_ranks(layer, o));
    *out = (yl_shape){in->n, 1, 1, product(&o->out_modes, 0, d)};
    return YL_OK;
}

/* Cores of which each number has the variance v: the weight's numbers have v^d times the product of the ranks, which should be
 * 2 / inputs (He et al. 2015, eq. 10). */
static float deviation(const options *o)
{
    int64_t d = o->in_modes.count;
    double variance = 2.0 / ((double)product(&o->in_modes, 0, d) * (double)product(&o->ranks, 0, d - 1));
    return (float)pow(variance, 0.5 / (double)d);
}

static yl_status params(const yl_layer *layer, const yl_shape *in, yl_param out[YL_MAX_PARAMS], int *count)
{
    static const char *const names[MOST] = {"core1", "core2", "core3", "core4", "core5", "core6", "core7"};
    const options *o = layer->options;
    int d = (int)o->in_modes.count;
    (void)in;
    for (int k = 0; k < d; k++) {
        core c = core_of(o, k);
        out[k] = (yl_param){.name = names[k],
                            .kind = YL_WEIGHT,
                            .init = YL_INIT_NORMAL,
                            .n_dims = 4,
                            .dims = {c.m, c.behind, c.before, c.n},
                            .init_value = deviation(o)};
    }
    out[d] = (yl_param){.name = "bias",
                        .kind = YL_BIAS,
                        .init = YL_INIT_ZERO,
                        .n_dims = 1,
                        .dims = {product(&o->out_modes, 0, d)},
                        .role = YL_ROLE_OFFSET};
    *count = d + o->bias;
    return YL_OK;
}

/* ---- running ---------------------------------------------------------------------------------------------------------------- */

typedef struct prepared {
    int count;
    yl_tensor_train_geom at[MOST];
    size_t kept[MOST]; /* where in the state core k's result lies, in bytes */
    size_t widest;     /* bytes of the largest result between two cores, rounded up */
    bool keeps;
    yl_columns_geom columns; /* of dy, for the bias */
} prepared;

static yl_tensor_train_geom geometry(const options *o, int64_t n, int64_t k, yl_dtype dtype)
{
    int64_t d = o->in_modes.count;
    core c = core_of(o, k);
    return (yl_tensor_train_geom){
        n * product(&o->out_modes, 0, k), c.m * c.behind, c.before * c.n, product(&o->in_modes, k + 1, d),
        product(&o->out_modes, 0, d),     dtype};
}

static int64_t flops(const yl_layer *layer, const yl_shape *in, yl_shape out)
{
    const options *o = layer->options;
    int64_t sum = 0;
    (void)out;
    for (int64_t k = 0; k < o->in_modes.count; k++) {
        yl_tensor_train_geom g = geometry(o, in->n, k, YL_F32);
        sum += YL_PRODUCT(2, g.batch, YL_PRODUCT(g.rows, g.inner, g.rest));
    }
    return sum;
}

static unsigned reads(const yl_layer *layer)
{
    (void)layer;
    return YL_READS_X;
}

static yl_status prepare(const yl_layer *layer, const yl_setting *setting, void *to, yl_needs *needs)
{
    const options *o = layer->options;
    prepared *p = to;
    p->count = (int)o->in_modes.count;
    p->keeps = setting->wants_dparams;
    p->columns = (yl_columns_geom){setting->in[0].n, setting->out.c, setting->dtype};
    for (int k = 0; k < p->count; k++) {
        yl_tensor_train_geom *g = &p->at[k];
        *g = geometry(o, setting->in[0].n, k, setting->dtype);
        size_t bytes = (size_t)YL_PRODUCT(g->batch, g->rows, g->rest) * yl_dtype_bytes(setting->dtype);
        bytes = (bytes + 63) / 64 * 64;
        if (k + 1 == p->count) break;
        if (bytes > p->widest) p->widest = bytes;
        p->kept[k] = needs->state;
        if (p->keeps) needs->state += bytes;
    }
    needs->scratch = 2 * p->widest;
    return YL_OK;
}

/* What core k leaves, between two cores. */
static void *between(const yl_pass *pass, const prepared *p, int k)
{
    return (char *)(p->keeps ? pass->state : pass->scratch) + (p->keeps ? p->kept[k] : p->widest * (size_t)(k % 2));
}

static yl_status forward(yl_pass *pass)
{
    const prepared *p = pass->prepared;
    const void *x = pass->x[0];
    for (int k = 0; k < p->count; k++) {
        bool last = k + 1 == p->count;
        void *y = last ? pass->y : between(pass, p, k);
        YL_TRY(pass->ctx->device->kernels->tensor_train_forward(pass->ctx, &p->at[k], x, pass->param[k],
                                                                last ? pass->param[p->count] : NULL, y));
        x = y;
    }
    return YL_OK;
}

static yl_status backward(yl_pass *pass)
{
    const prepared *p = pass->prepared;
    const yl_kernels *kernels = pass->ctx->device->kernels;
    const void *dy = pass->dy;
    if (pass->dparam[p->count]) YL_TRY(kernels->column_sums(pass->ctx, &p->columns, dy, pass->dparam[p->count]));
    for (int k = p->count - 1; k >= 0; k--) {
        const void *x = k > 0 ? between(pass, p, k - 1) : pass->x[0];
        if (pass->dparam[k])
            YL_TRY(kernels->tensor_train_backward_params(pass->ctx, &p->at[k], x, dy, pass->dparam[k]));
        void *dx = k > 0 ? (char *)pass->scratch + p->widest * (size_t)(k % 2) : pass->dx[0];
        if (dx)
            YL_TRY(kernels->tensor_train_backward_data(pass->ctx, &p->at[k], dy, pass->param[k], dx,
                                                       k > 0 ? 0 : pass->dx_beta[0]));
        dy = dx;
    }
    return YL_OK;
}

const yl_layer_kind yl_layer_tensor_train = {
    .name = "tensor_train",
    .stem = "tt",
    .help = "a fully connected layer whose weight is a tensor train: a chain of small cores",
    .fields = &table,
    .options_size = sizeof(options),
    .prepared_size = sizeof(prepared),
    .min_inputs = 1,
    .max_inputs = 1,
    .shape = shape,
    .params = params,
    .flops = flops,
    .reads = reads,
    .prepare = prepare,
    .forward = forward,
    .backward = backward,
};
