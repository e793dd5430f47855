/* Residual sums on the CPU: shortcut.h has the formulas. */
#include "kernels/kernels.h"
#include "kernels/quant.formulas.h"

yl_status YL_CPU(shortcut_forward)(const yl_ctx *ctx, const yl_flat_geom *g, const void *a, const void *b, void *y)
{
    const float *p = a, *q = b;
    float *out = y;
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) out[i] = p[i] + q[i];
    return YL_OK;
}

yl_status YL_CPU(shortcut_bytes)(const yl_ctx *ctx, const yl_shortcut_bytes_geom *g, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y)
{
    yl_quant qa = g->a, qb = g->b, qy = g->y;
    float inverse = 1 / qy.scale;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++)
        y[i] = yl__quant_byte(yl_quant_real(qa, a[i]) + yl_quant_real(qb, b[i]), inverse, qy.zero);
    return YL_OK;
}

yl_status YL_CPU(shortcut_backward)(const yl_ctx *ctx, const yl_flat_geom *g, const void *dy, void *dx, float beta)
{
    const float *in = dy;
    float *out = dx;
    if (beta == 0 && dx == dy) return YL_OK;
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) out[i] = beta == 0 ? in[i] : out[i] + in[i];
    return YL_OK;
}

yl_status YL_CPU(shortcut_add)(const yl_ctx *ctx, const yl_shortcut_geom *g, const void *from, void *to)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++) {
        int64_t n = row / g->h, i = row % g->h;
        const float *in = (const float *)from + (n * g->from_h + i * g->from_step) * g->from_w * g->from_c;
        float *out = (float *)to + (n * g->to_h + i * g->to_step) * g->to_w * g->to_c;
        for (int64_t j = 0; j < g->w; j++, in += g->from_step * g->from_c, out += g->to_step * g->to_c)
            for (int64_t k = 0; k < g->c; k++) out[k] += in[k];
    }
    return YL_OK;
}
