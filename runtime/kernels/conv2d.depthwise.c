/* Depthwise convolution: every channel has a kernel of its own, so that channels are the vector's lanes in all
 * directions.
 *
 *   y[n,i,j,k] = sum over u, v of w[k,u,v] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, k]
 *
 * Forward and backward data gather: a pixel of the result is a short sum of (pixel, weights) pairs. Weights are packed
 * {u, v, k}. */
#include "kernels/activation.formulas.h"
#include "kernels/kernels.h"

enum { MAX_TAPS = 256, BLOCK = 64 };

static bool supports(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return g->dtype == YL_F32 && g->groups == g->c && g->oc == g->c && g->kh * g->kw <= MAX_TAPS;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g) * 4;
}

static int64_t padded(int64_t floats)
{
    return (floats + 15) / 16 * 16;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    if (d != YL_BACKWARD_WEIGHTS) return 0;
    return (size_t)(ctx->threads * padded(g->kh * g->kw * g->c)) * sizeof(float);
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? 0 : (size_t)(g->kh * g->kw * g->c) * sizeof(float);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    (void)ctx, (void)d;
    int64_t taps = g->kh * g->kw;
    float *to = packed;
    for (int64_t t = 0; t < taps; t++)
        for (int64_t k = 0; k < g->c; k++) *to++ = weight[k * taps + t] * (scale ? scale[k] : 1.0f);
    return YL_OK;
}

/* What one pixel of the result is the sum of. */
typedef struct pairs {
    int count;
    const float *pixel[MAX_TAPS], *weight[MAX_TAPS];
} pairs;

/* to[0..n) = sum over the pairs, from channel k on, plus what `to` holds where `add`. */
static inline void gather(const pairs *p, int64_t k, const int64_t n, bool add, float *to)
{
    float sum[BLOCK];
    for (int64_t l = 0; l < n; l++) sum[l] = add ? to[l] : 0;
    for (int q = 0; q < p->count; q++) {
        const float *x = p->pixel[q] + k, *w = p->weight[q] + k;
        for (int64_t l = 0; l < n; l++) sum[l] += x[l] * w[l];
    }
    for (int64_t l = 0; l < n; l++) to[l] = sum[l];
}

static void gather_pixel(const pairs *p, int64_t c, bool add, float *to)
{
    int64_t k = 0;
    for (; k + BLOCK <= c; k += BLOCK) gather(p, k, BLOCK, add, to + k);
    for (; k + BLOCK / 4 <= c; k += BLOCK / 4) gather(p, k, BLOCK / 4, add, to + k);
    for (; k + BLOCK / 8 <= c; k += BLOCK / 8) gather(p, k, BLOCK / 8, add, to + k);
    if (k < c) gather(p, k, c - k, add, to + k);
}

static void forward_row(const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t n, int64_t i)
{
    pairs p;
    for (int64_t j = 0; j < g->ow; j++) {
        p.count = 0;
        for (int64_t u = 0; u < g->kh; u++)
            for (int64_t v = 0; v < g->kw; v++) {
                int64_t a = i * g->sh - g->pt + u * g->dh, b = j * g->sw - g->pl + v * g->dw;
                if (a < 0 || a >= g->h || b < 0 || b >= g->w) continue;
                p.pixel[p.count] = (const float *)run->x + ((n * g->h + a) * g->w + b) * g->c;
                p.weight[p.count++] = (const float *)run->packed + (u * g->kw + v) * g->c;
            }
        float *y = (float *)run->y + ((n * g->oh + i) * g->ow + j) * g->c;
        gather_pixel(&p, g->c, false, y);
        yl__epilogue(g->act, g->leaky_slope, g->c, run->bias, y);
    }
}

/* The output row or column that reads input position `at` through tap u; -1 where none does. */
static int64_t source(int64_t at, int64_t pad, int64_t u, int64_t d, int64_t s, int64_t count)
{
    int64_t i = at + pad - u * d;
    return i < 0 || i % s || i / s >= count ? -1 : i / s;
}

static void data_row(const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t n, int64_t a)
{
    pairs p;
    for (int64_t b = 0; b < g->w; b++) {
        p.count = 0;
        for (int64_t u = 0; u < g->kh; u++) {
            int64_t i = source(a, g->pt, u, g->dh, g->sh, g->oh);
            for (int64_t v = 0; v < g->kw && i >= 0; v++) {
                int64_t j = source(b, g->pl, v, g->dw, g->sw, g->ow);
                if (j < 0) continue;
                p.pixel[p.count] = (const float *)run->dy + ((n * g->oh + i) * g->ow + j) * g->c;
                p.weight[p.count++] = (const float *)run->packed + (u * g->kw + v) * g->c;
            }
        }
        gather_pixel(&p, g->c, run->beta != 0, (float *)run->dx + ((n * g->h + a) * g->w + b) * g->c);
    }
}

/* sums[l] += sum over `count` pixels of x * dy. */
static inline void correlate(const float *x, int64_t x_step, const float *dy, int64_t dy_step, int64_t count,
                             const int64_t n, float *sums)
{
    float sum[BLOCK];
    for (int64_t l = 0; l < n; l++) sum[l] = 0;
    for (int64_t j = 0; j < count; j++, x += x_step, dy += dy_step)
        for (int64_t l = 0; l < n; l++) sum[l] += x[l] * dy[l];
    for (int64_t l = 0; l < n; l++) sums[l] += sum[l];
}

static void correlate_pixels(const float *x, int64_t x_step, const float *dy, int64_t c, int64_t count, float *sums)
{
    int64_t k = 0;
    for (; k + BLOCK <= c; k += BLOCK) correlate(x + k, x_step, dy + k, c, count, BLOCK, sums + k);
    for (; k + BLOCK / 4 <= c; k += BLOCK / 4) correlate(x + k, x_step, dy + k, c, count, BLOCK / 4, sums + k);
    for (; k + BLOCK / 8 <= c; k += BLOCK / 8) correlate(x + k, x_step, dy + k, c, count, BLOCK / 8, sums + k);
    if (k < c) correlate(x + k, x_step, dy + k, c, count, c - k, sums + k);
}

static void weights_row(const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t n, int64_t i, float *sums)
{
    for (int64_t u = 0; u < g->kh; u++) {
        int64_t a = i * g->sh - g->pt + u * g->dh;
        if (a < 0 || a >= g->h) continue;
        for (int64_t v = 0; v < g->kw; v++) {
            int64_t b0 = v * g->dw - g->pl; /* of column 0; the columns that see the image are [from, to) */
            int64_t from = b0 < 0 ? (-b0 + g->sw - 1) / g->sw : 0, to = b0 < g->w ? (g->w - 1 - b0) / g->sw + 1 : 0;
            to = to < g->ow ? to : g->ow;
            if (from >= to) continue;
            const float *x = (const float *)run->x + ((n * g->h + a) * g->w + b0 + from * g->sw) * g->c;
            const float *dy = (const float *)run->dy + ((n * g->oh + i) * g->ow + from) * g->c;
            correlate_pixels(x, g->sw * g->c, dy, g->c, to - from, sums + (u * g->kw + v) * g->c);
        }
    }
}

/* Threads share the rows and have sums of their own, which are added in order. */
static void run_weights(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    int64_t threads = ctx->threads, rows = g->n * g->oh, taps = g->kh * g->kw, each = padded(taps * g->c);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        float *sums = (float *)run->scratch + t * each;
        memset(sums, 0, (size_t)each * sizeof *sums);
        for (int64_t r = rows * t / threads; r < rows * (t + 1) / threads; r++)
            weights_row(g, run, r / g->oh, r % g->oh, sums);
    }
    for (int64_t k = 0; k < g->c; k++)
        for (int64_t q = 0; q < taps; q++)
            for (int64_t t = 0; t < threads; t++)
                run->dweight[k * taps + q] += ((const float *)run->scratch)[t * each + q * g->c + k];
}

static yl_status run_depthwise(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    if (d == YL_BACKWARD_WEIGHTS) {
        run_weights(ctx, g, run);
        return YL_OK;
    }
    int64_t height = d == YL_FORWARD ? g->oh : g->h, rows = g->n * height;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) {
        if (d == YL_FORWARD)
            forward_row(g, run, r / height, r % height);
        else
            data_row(g, run, r / height, r % height);
    }
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(conv2d_depthwise) = {
    .name = "depthwise",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_depthwise,
};
