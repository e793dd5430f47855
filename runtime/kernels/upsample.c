/* Upsampling on the CPU: upsample.h has the formulas. */
#include "kernels/kernels.h"

#include <string.h>

static yl_status upsample_bytes(const yl_ctx *ctx, const yl_upsample_geom *g, const uint8_t *x, uint8_t *y)
{
    int64_t s = g->stride, oh = g->h * s, ow = g->w * s;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * oh; row++) {
        int64_t source = row / oh * g->h + row % oh / s;
        for (int64_t j = 0; j < ow; j++)
            memcpy(y + (row * ow + j) * g->c, x + (source * g->w + j / s) * g->c, (size_t)g->c);
    }
    return YL_OK;
}

yl_status YL_CPU(upsample_forward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *x, void *y)
{
    if (g->dtype == YL_U8) return upsample_bytes(ctx, g, x, y);
    int64_t s = g->stride, oh = g->h * s, ow = g->w * s;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * oh; row++) {
        int64_t source = row / oh * g->h + row % oh / s;
        for (int64_t j = 0; j < ow; j++) {
            const float *in = (const float *)x + (source * g->w + j / s) * g->c;
            float *out = (float *)y + (row * ow + j) * g->c;
            for (int64_t c = 0; c < g->c; c++) out[c] = g->scale * in[c];
        }
    }
    return YL_OK;
}

yl_status YL_CPU(upsample_backward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *dy, void *dx, float beta)
{
    int64_t s = g->stride, ow = g->w * s;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++)
        for (int64_t j = 0; j < g->w; j++) {
            float *out = (float *)dx + (row * g->w + j) * g->c;
            if (beta == 0)
                for (int64_t c = 0; c < g->c; c++) out[c] = 0;
            for (int64_t u = 0; u < s; u++)
                for (int64_t v = 0; v < s; v++) {
                    const float *in = (const float *)dy + ((row * s + u) * ow + j * s + v) * g->c;
                    for (int64_t c = 0; c < g->c; c++) out[c] += g->scale * in[c];
                }
        }
    return YL_OK;
}
