/* Activations and their gradients. The gradient of most follows from the output, that of swish, mish, hardswish, hard_mish
 * and gelu from the input. A NaN stays a NaN. */
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

/* The slopes that the input gives; s = logistic(x), t = tanh(softplus(x)):
 *   swish s + x s (1 - s)   mish t + x (1 - t^2) s(x)   gelu g + x g (1 - g) times the slope of its argument */
static inline float swish_slope(float x)
{
    float s = yl__logistic(x);
    return s + x * s * (1.0f - s);
}

static inline float mish_slope(float x)
{
    float t = yl__tanh_softplus(x);
    return t + x * (1.0f - t * t) * yl__logistic(x);
}

static inline float hardswish_slope(float x)
{
    return x < -3 ? 0 : x > 3 ? 1 : (2 * x + 3) / 6;
}

static inline float hard_mish_slope(float x)
{
    return x > 0 ? 1 : x < -2 ? 0 : x + 1;
}

static inline float gelu_slope(float x)
{
    float g = yl__gelu_share(x), near = yl__clamp(x, -10, 10);
    return g + near * g * (1.0f - g) * YL__GELU * (1 + 3 * YL__GELU_CUBE * near * near);
}

/* d[i] = dy[i] * act'(x[i]), through y where that is enough. */
static void derive(const yl_activation_geom *g, int64_t n, const float *x, const float *y, const float *dy, float *d)
{
    float slope = g->leaky_slope;
#define EACH(name, value)                                                                                              \
    case YL_ACT_##name:                                                                                                \
        for (int64_t i = 0; i < n; i++) d[i] = value;                                                                  \
        break;
    switch (g->act) {
        EACH(linear, dy[i])
        EACH(leaky, y[i] > 0 ? dy[i] : slope * dy[i])
        EACH(relu, y[i] > 0 ? dy[i] : 0)
        EACH(logistic, dy[i] * (y[i] * (1.0f - y[i])))
        EACH(swish, dy[i] * swish_slope(x[i]))
        EACH(mish, dy[i] * mish_slope(x[i]))
        EACH(relu6, y[i] > 0 && y[i] < 6 ? dy[i] : 0)
        EACH(hardswish, dy[i] * hardswish_slope(x[i]))
        EACH(hard_mish, dy[i] * hard_mish_slope(x[i]))
        EACH(tanh, dy[i] * (1.0f - y[i] * y[i]))
        EACH(elu, y[i] < 0 ? dy[i] * (y[i] + 1.0f) : dy[i])
        EACH(selu, dy[i] * (y[i] < 0 ? y[i] + YL__SELU_LOW : YL__SELU))
        EACH(gelu, dy[i] * gelu_slope(x[i]))
        EACH(hardtan, y[i] > -1 && y[i] < 1 ? dy[i] : 0)
        EACH(ramp, dy[i] * (y[i] > 0 ? 1.1f : 0.1f))
        EACH(loggy, dy[i] * (0.5f * (1.0f - y[i] * y[i])))
        EACH(relie, y[i] > 0 ? dy[i] : 0.01f * dy[i])
    }
#undef EACH
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
