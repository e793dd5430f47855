/* Residual sums on the CPU: shortcut.h has the formulas. */
#include "kernels/bytes.h"
#include "kernels/kernels.h"

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
    /* In steps of y's scale: by_a (a - zero of a) + by_b (b - zero of b). */
    const float by_a = g->a.scale / g->y.scale, by_b = g->b.scale / g->y.scale;
    const float rest = -(by_a * (float)g->a.zero + by_b * (float)g->b.zero);
    const int64_t each = YL_BYTE_VECTORS * YL_VL, whole = g->count / each;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < whole; i++) {
        yl__numbers sum[YL_BYTE_VECTORS];
        for (int v = 0; v < YL_BYTE_VECTORS; v++) {
            int64_t at = i * each + v * YL_VL;
            sum[v] = yl__numbers_of(a + at) * by_a + (yl__numbers_of(b + at) * by_b + rest);
        }
        yl__put_bytes(sum, g->y.zero, y + i * each, YL_VL);
    }
    for (int64_t i = whole * each; i < g->count; i++)
        y[i] = yl__quant_byte((float)a[i] * by_a + ((float)b[i] * by_b + rest), 1, g->y.zero);
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
