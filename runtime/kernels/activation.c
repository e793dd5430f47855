/* Activations and their gradients. The gradient of leaky, relu and logistic follows from the output, that of swish and
 * mish from the input. A NaN stays a NaN. */
#include "kernels/activation.h"
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

/* d[i] = dy[i] * act'(x[i]), through y where that is enough:
 *   leaky y > 0 ? 1 : slope   relu y > 0   logistic y (1 - y)
 *   swish s + x s (1 - s)     mish t + x (1 - t^2) s(x), t = tanh(softplus(x)) */
static void derive(const yl_activation_geom *g, int64_t n, const float *x, const float *y, const float *dy, float *d)
{
    float slope = g->leaky_slope;
    switch (g->act) {
    case YL_ACT_linear:
        for (int64_t i = 0; i < n; i++) d[i] = dy[i];
        break;
    case YL_ACT_leaky:
        for (int64_t i = 0; i < n; i++) d[i] = y[i] > 0 ? dy[i] : slope * dy[i];
        break;
    case YL_ACT_relu:
        for (int64_t i = 0; i < n; i++) d[i] = y[i] > 0 ? dy[i] : 0;
        break;
    case YL_ACT_logistic:
        for (int64_t i = 0; i < n; i++) d[i] = dy[i] * (y[i] * (1.0f - y[i]));
        break;
    case YL_ACT_swish:
        for (int64_t i = 0; i < n; i++) {
            float s = yl__logistic(x[i]);
            d[i] = dy[i] * (s + x[i] * s * (1.0f - s));
        }
        break;
    case YL_ACT_mish:
        for (int64_t i = 0; i < n; i++) {
            float t = yl__tanh_softplus(x[i]);
            d[i] = dy[i] * (t + x[i] * (1.0f - t * t) * yl__logistic(x[i]));
        }
        break;
    }
}

static void derive_chunk(const yl_activation_geom *g, int64_t n, const float *x, const float *y, const float *dy,
                         float beta, float *dx)
{
    if (beta == 0) {
        derive(g, n, x, y, dy, dx);
        return;
    }
    float d[CHUNK];
    derive(g, n, x, y, dy, d);
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
