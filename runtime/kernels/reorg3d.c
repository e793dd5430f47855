/* Space to depth and back on the CPU: reorg3d.h has the formula. */
#include "kernels/kernels.h"

#include <string.h>

/* Pixel (r, col) of x and its group of channels in y. */
static int64_t group_at(const yl_reorg_geom *g, int64_t n, int64_t r, int64_t col)
{
    int64_t s = g->stride, q = r % s * s + col % s;
    return ((n * (g->h / s) + r / s) * (g->w / s) + col / s) * g->c * s * s + q * g->c;
}

yl_status YL_CPU(reorg3d_forward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++)
        for (int64_t col = 0; col < g->w; col++)
            memcpy((float *)y + group_at(g, row / g->h, row % g->h, col), (const float *)x + (row * g->w + col) * g->c,
                   (size_t)g->c * sizeof(float));
    return YL_OK;
}

yl_status YL_CPU(reorg3d_backward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++)
        for (int64_t col = 0; col < g->w; col++) {
            const float *in = (const float *)dy + group_at(g, row / g->h, row % g->h, col);
            float *out = (float *)dx + (row * g->w + col) * g->c;
            for (int64_t c = 0; c < g->c; c++) out[c] = beta == 0 ? in[c] : out[c] + in[c];
        }
    return YL_OK;
}
