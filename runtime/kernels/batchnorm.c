/* Batch normalisation on the CPU: batchnorm.h has the formulas.
 *
 * Sums: a thread takes a fixed share of the rows, adds blocks in float and the blocks in double; the threads' parts are
 * added in order. The variance is taken about the first row's value, a sample of the data, so that one pass loses no
 * digits. */
#include "kernels/activation.formulas.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 64, PIECE = 2048 };

/* Per thread: two sums of c doubles, two blocks of c floats; then three rows of c floats for all. */
static size_t part_bytes(const yl_batchnorm_geom *g)
{
    return ((size_t)g->c * (2 * sizeof(double) + 2 * sizeof(float)) + 63) / 64 * 64;
}

yl_status YL_CPU(batchnorm_scratch)(const yl_ctx *ctx, const yl_batchnorm_geom *g, size_t *bytes)
{
    *bytes = part_bytes(g) * (size_t)ctx->threads + 3 * (size_t)g->c * sizeof(float);
    return YL_OK;
}

typedef struct part {
    double *sum[2];
    float *block[2];
} part;

static part part_of(const yl_batchnorm_geom *g, void *scratch, int64_t thread)
{
    char *at = (char *)scratch + part_bytes(g) * (size_t)thread;
    double *sums = (double *)at;
    float *blocks = (float *)(sums + 2 * g->c);
    return (part){{sums, sums + g->c}, {blocks, blocks + g->c}};
}

static float *rows_after_parts(const yl_ctx *ctx, const yl_batchnorm_geom *g, void *scratch)
{
    return (float *)((char *)scratch + part_bytes(g) * (size_t)ctx->threads);
}

/* a[j] += x - s, b[j] += (x - s)^2 over rows. */
static void add_moments(int64_t rows, int64_t c, const float *restrict x, const float *restrict s, float *restrict a,
                        float *restrict b)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < c; j++) {
            float d = x[r * c + j] - s[j];
            a[j] += d;
            b[j] += d * d;
        }
}

/* a[j] += dy, b[j] += dy * (x - mean) over rows. */
static void add_products(int64_t rows, int64_t c, const float *restrict x, const float *restrict mean,
                         const float *restrict dy, float *restrict a, float *restrict b)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < c; j++) {
            float d = dy[r * c + j];
            a[j] += d;
            b[j] += d * (x[r * c + j] - mean[j]);
        }
}

/* What y is before its activation: z = (x - mean) * a + bias. */
typedef struct affine {
    const float *mean, *a, *bias;
} affine;

/* y = z over rows of `width` channels, from channel `first` on; y may be x. */
static void normalise(int64_t rows, int64_t width, int64_t first, const affine *f, const float *x, float *y)
{
    const float *mean = f->mean + first, *a = f->a + first, *bias = f->bias + first;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < width; j++) y[r * width + j] = (x[r * width + j] - mean[j]) * a[j] + bias[j];
}

/* dy *= act'(z), where x and dy lie in a row. */
static void derive_piece(const yl_batchnorm_geom *g, int64_t rows, int64_t width, int64_t first, const affine *f,
                         const float *x, float *dy)
{
    float z[PIECE], y[PIECE];
    int64_t n = rows * width;
    yl_activation_geom act = {n, g->act, g->leaky_slope, g->dtype};
    normalise(rows, width, first, f, x, z);
    memcpy(y, z, (size_t)n * sizeof *y);
    yl__activate(g->act, g->leaky_slope, n, y);
    yl__activation_slope(&act, n, z, y, dy, dy);
}

/* The same over `rows` rows, piece by piece. */
static void derive(const yl_batchnorm_geom *g, int64_t rows, const affine *f, const float *x, float *dy)
{
    int64_t width = g->c < PIECE ? g->c : PIECE, step = width < g->c ? 1 : PIECE / g->c;
    for (int64_t r = 0; r < rows; r += step)
        for (int64_t j = 0; j < g->c; j += width)
            derive_piece(g, rows - r < step ? rows - r : step, g->c - j < width ? g->c - j : width, j, f,
                         x + r * g->c + j, dy + r * g->c + j);
}

/* One thread's share of the sums; dy NULL: moments of x about `centre`. before: dy is turned into the gradient before the activation. */
static void sum_part(const yl_batchnorm_geom *g, int64_t from, int64_t to, const float *x, const float *centre,
                     float *dy, const affine *before, part p)
{
    memset(p.sum[0], 0, 2 * (size_t)g->c * sizeof(double));
    for (int64_t r = from; r < to; r += BLOCK) {
        int64_t rows = to - r < BLOCK ? to - r : BLOCK;
        memset(p.block[0], 0, 2 * (size_t)g->c * sizeof(float));
        if (before) derive(g, rows, before, x + r * g->c, dy + r * g->c);
        if (dy)
            add_products(rows, g->c, x + r * g->c, centre, dy + r * g->c, p.block[0], p.block[1]);
        else
            add_moments(rows, g->c, x + r * g->c, centre, p.block[0], p.block[1]);
        for (int k = 0; k < 2; k++)
            for (int64_t j = 0; j < g->c; j++) p.sum[k][j] += p.block[k][j];
    }
}

/* Both sums over all rows, left in the first part. */
static part sum_all(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *x, const float *centre, float *dy,
                    const affine *before, void *scratch)
{
    int64_t threads = ctx->threads;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++)
        sum_part(g, g->rows * t / threads, g->rows * (t + 1) / threads, x, centre, dy, before, part_of(g, scratch, t));
    part first = part_of(g, scratch, 0);
    for (int64_t t = 1; t < threads; t++) {
        part p = part_of(g, scratch, t);
        for (int64_t j = 0; j < 2 * g->c; j++) first.sum[0][j] += p.sum[0][j];
    }
    return first;
}

/* mean and (biased) var {c}. */
yl_status YL_CPU(batchnorm_statistics)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, float *mean,
                                       float *var, void *scratch)
{
    const float *centre = x;
    part sums = sum_all(ctx, g, x, centre, NULL, NULL, scratch);
    for (int64_t j = 0; j < g->c; j++) {
        double shift = sums.sum[0][j] / (double)g->rows;
        double v = sums.sum[1][j] / (double)g->rows - shift * shift;
        mean[j] = (float)(centre[j] + shift);
        var[j] = (float)(v < 0 ? 0 : v);
    }
    return YL_OK;
}

yl_status YL_CPU(batchnorm_move)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const yl_now *now, const float *mean,
                                 const float *var, float *running_mean, float *running_var)
{
    float rate = yl__batchnorm_rate(g, now), keep = 1.0f - rate,
          unbiased = g->rows > 1 ? (float)g->rows / (float)(g->rows - 1) : 1.0f;
    (void)ctx;
    for (int64_t j = 0; j < g->c; j++) {
        running_mean[j] = keep * running_mean[j] + rate * mean[j];
        running_var[j] = keep * running_var[j] + rate * unbiased * var[j];
    }
    return YL_OK;
}

yl_status YL_CPU(batchnorm_inverse)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *var, float *inverse)
{
    (void)ctx;
    for (int64_t j = 0; j < g->c; j++) inverse[j] = 1.0f / sqrtf(var[j] + g->eps);
    return YL_OK;
}

/* bn(conv(x)) = conv'(x) + folded:  factor = scale / sqrt(var + eps),  folded = (own - mean) * factor + bias, and the weights of
 * output channel j times factor[j]. */
yl_status YL_CPU(batchnorm_fold)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *scale, const float *bias,
                                 const float *mean, const float *var, const float *own, float *factor, float *folded)
{
    (void)ctx;
    for (int64_t j = 0; j < g->c; j++) {
        factor[j] = scale[j] / sqrtf(var[j] + g->eps);
        folded[j] = ((own ? own[j] : 0) - mean[j]) * factor[j] + bias[j];
    }
    return YL_OK;
}

/* y = act(a * (x - mean) + bias); y may be x. */
yl_status YL_CPU(batchnorm_forward)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, const float *mean,
                                    const float *inverse, const float *scale, const float *bias, void *y, void *scratch)
{
    int64_t c = g->c, step = c < PIECE ? PIECE / c : 1;
    float *a = rows_after_parts(ctx, g, scratch);
    affine f = {mean, a, bias};
    for (int64_t j = 0; j < c; j++) a[j] = scale[j] * inverse[j];
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < g->rows; r += step) {
        int64_t rows = g->rows - r < step ? g->rows - r : step;
        float *to = (float *)y + r * c;
        normalise(rows, c, 0, &f, (const float *)x + r * c, to);
        yl__activate(g->act, g->leaky_slope, rows * c, to);
    }
    return YL_OK;
}

/* dx = beta * dx + a * dy + b * (x - mean) + d. */
static void write_dx(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *x, const float *dy, const float *mean,
                     const float *coefficients, float beta, float *dx)
{
    int64_t c = g->c;
    const float *a = coefficients, *b = a + c, *d = b + c;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < g->rows; r++) {
        const float *xr = x + r * c, *dyr = dy + r * c;
        float *to = dx + r * c;
        if (beta == 0)
            for (int64_t j = 0; j < c; j++) to[j] = a[j] * dyr[j] + b[j] * (xr[j] - mean[j]) + d[j];
        else
            for (int64_t j = 0; j < c; j++) to[j] = beta * to[j] + a[j] * dyr[j] + b[j] * (xr[j] - mean[j]) + d[j];
    }
}

/* The coefficients of dx: `s` is sum dy, `q` sum dy * xhat, of channel j; over 1 / k rows. */
static void set_coefficients(const float *scale, const float *inverse, int64_t c, int64_t j, double s, double q,
                             double k, float *a)
{
    a[j] = scale[j] * inverse[j];
    a[c + j] = (float)(-a[j] * k * q * inverse[j]);
    a[2 * c + j] = (float)(-a[j] * k * s);
}

yl_status YL_CPU(batchnorm_input)(const yl_ctx *ctx, const yl_batchnorm_geom *g, int64_t all_rows, const void *x,
                                  const void *dy, const float *mean, const float *inverse, const float *scale,
                                  const float *sums, float beta, void *dx, void *scratch)
{
    float *a = rows_after_parts(ctx, g, scratch);
    for (int64_t j = 0; j < g->c; j++)
        set_coefficients(scale, inverse, g->c, j, sums[j], sums[g->c + j], 1.0 / (double)all_rows, a);
    write_dx(ctx, g, x, dy, mean, a, beta, dx);
    return YL_OK;
}

/* dz = dy act'(z), over dy;  dbias += sum dz,  dscale += sum dz * xhat,  xhat = (x - mean) * inverse, and
 * dx = scale * inverse * (dz - sum dz / rows - xhat * sum(dz * xhat) / rows); without `statistics` (running ones were
 * used) only the first term. dx NULL: not wanted; dx may be dy. dscale, dbias NULL: not wanted. */
yl_status YL_CPU(batchnorm_backward)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, void *dy,
                                     const float *mean, const float *inverse, const float *scale, const float *bias,
                                     bool statistics, float beta, void *dx, float *dscale, float *dbias, void *scratch)
{
    int64_t c = g->c;
    float *a = rows_after_parts(ctx, g, scratch);
    affine before = {mean, a, bias};
    for (int64_t j = 0; j < c; j++) a[j] = scale[j] * inverse[j];
    part sums = sum_all(ctx, g, x, mean, dy, g->act == YL_ACT_linear ? NULL : &before, scratch);
    for (int64_t j = 0; j < c; j++) {
        double s = sums.sum[0][j], q = sums.sum[1][j] * inverse[j];
        if (dbias) dbias[j] += (float)s;
        if (dscale) dscale[j] += (float)q;
        set_coefficients(scale, inverse, c, j, s, q, statistics ? 1.0 / (double)g->rows : 0.0, a);
    }
    if (dx) write_dx(ctx, g, x, dy, mean, a, beta, dx);
    return YL_OK;
}
