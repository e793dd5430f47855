/* Activations and their gradients. The gradient of most follows from the output, that of swish, mish, hardswish, hard_mish
 * and gelu from the input. A NaN stays a NaN. */
#include "kernels/activation.formulas.h"
#include "kernels/kernels.h"

enum { CHUNK = 4096 };

static void copy_and_activate(const yl_activation_geom *g, int64_t n, const float *x, float *y)
{
    if (x != y) memcpy(y, x, (size_t)n * sizeof *y);
    yl__activate(g->act, g->leaky_slope, n, y);
}

yl_status YL_CPU(activation_forward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, void *y)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < g->count; i += CHUNK)
        copy_and_activate(g, g->count - i < CHUNK ? g->count - i : CHUNK, (const float *)x + i, (float *)y + i);
    return YL_OK;
}

static void derive_chunk(const yl_activation_geom *g, int64_t n, const float *x, const float *y, const float *dy,
                         float beta, float *dx)
{
    if (beta == 0) {
        yl__activation_slope(g, n, x, y, dy, dx);
        return;
    }
    float d[CHUNK];
    yl__activation_slope(g, n, x, y, dy, d);
    for (int64_t i = 0; i < n; i++) dx[i] = beta * dx[i] + d[i];
}

yl_status YL_CPU(activation_backward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, const void *y,
                                      const void *dy, float beta, void *dx)
{
    (void)ctx;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < g->count; i += CHUNK) {
        int64_t n = g->count - i < CHUNK ? g->count - i : CHUNK;
        derive_chunk(g, n, x ? (const float *)x + i : NULL, y ? (const float *)y + i : NULL, (const float *)dy + i,
                     beta, (float *)dx + i);
    }
    return YL_OK;
}
