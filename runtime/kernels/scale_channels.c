/* Products with a repeated factor on the CPU: scale_channels.h has the formulas. */
#include "kernels/kernels.h"

enum { BLOCK = 64 }; /* channels that one thread sums over an image's pixels */

/* The factors of row `row` = n * pixels + p: one for each channel, or one. */
static int64_t factor_at(const yl_scale_geom *g, int64_t row)
{
    return (g->per_pixel ? row : row / g->pixels) * (g->per_channel ? g->c : 1);
}

yl_status YL_CPU(scale_channels)(const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *factor,
                                 float beta, void *y)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->pixels; row++) {
        const float *in = (const float *)x + row * g->c, *f = (const float *)factor + factor_at(g, row);
        float *out = (float *)y + row * g->c;
        if (g->per_channel && beta == 0)
            for (int64_t c = 0; c < g->c; c++) out[c] = in[c] * f[c];
        else if (g->per_channel)
            for (int64_t c = 0; c < g->c; c++) out[c] += in[c] * f[c];
        else if (beta == 0)
            for (int64_t c = 0; c < g->c; c++) out[c] = in[c] * f[0];
        else
            for (int64_t c = 0; c < g->c; c++) out[c] += in[c] * f[0];
    }
    return YL_OK;
}

/* One factor per pixel: sums over channels. */
static void sum_channels(const yl_scale_geom *g, int64_t row, const float *x, const float *dy, float beta,
                         float *dfactor)
{
    float sum = 0;
    for (int64_t c = 0; c < g->c; c++) sum += x[row * g->c + c] * dy[row * g->c + c];
    dfactor[row] = beta == 0 ? sum : dfactor[row] + sum;
}

/* One factor per channel: sums over an image's pixels, for the channels from `c0`. */
static void sum_pixels(const yl_scale_geom *g, int64_t n, int64_t c0, const float *x, const float *dy, float beta,
                       float *dfactor)
{
    int64_t count = g->c - c0 < BLOCK ? g->c - c0 : BLOCK;
    float sum[BLOCK] = {0}, *out = dfactor + n * g->c + c0;
    for (int64_t p = 0; p < g->pixels; p++) {
        int64_t at = (n * g->pixels + p) * g->c + c0;
        for (int64_t c = 0; c < count; c++) sum[c] += x[at + c] * dy[at + c];
    }
    for (int64_t c = 0; c < count; c++) out[c] = beta == 0 ? sum[c] : out[c] + sum[c];
}

yl_status YL_CPU(scale_channels_factor)(const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *dy,
                                        float beta, void *dfactor)
{
    int64_t rows = g->n * g->pixels, blocks = (g->c + BLOCK - 1) / BLOCK;
    if (g->per_pixel && g->per_channel) return YL_CPU(scale_channels)(ctx, g, x, dy, beta, dfactor);
    if (g->per_pixel) {
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
        for (int64_t row = 0; row < rows; row++) sum_channels(g, row, x, dy, beta, dfactor);
        return YL_OK;
    }
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t k = 0; k < g->n * blocks; k++) sum_pixels(g, k / blocks, k % blocks * BLOCK, x, dy, beta, dfactor);
    return YL_OK;
}
