/* Products with a repeated factor, and the factor's gradient: the formulas stand in scale_channels.h. */
#include "kernels/launch.cuh"

static __device__ int64_t factor_of(const yl_scale_geom &g, int64_t at)
{
    int64_t row = at / g.c;
    return (g.per_pixel ? row : row / g.pixels) * (g.per_channel ? g.c : 1) + (g.per_channel ? at % g.c : 0);
}

template <class T> static __global__ void scale(yl_scale_geom g, const T *x, const T *factor, float beta, T *y)
{
    YL_EACH(at, g.n * g.pixels * g.c)
    {
        float value = x[at] * factor[factor_of(g, at)];
        y[at] = beta == 0 ? value : y[at] + value;
    }
}

yl_status YL_CUDA(scale_channels)(const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *factor,
                                  float beta, void *y)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "scale_channels", g->n * g->pixels * g->c, scale<T>, *g, (const T *)x,
                                    (const T *)factor, beta, (T *)y));
}

/* A thread per factor: it sums over the channels of its pixel, or over the pixels of its channel. */
template <class T> static __global__ void sum(yl_scale_geom g, const T *x, const T *dy, float beta, T *dfactor)
{
    int64_t terms = g.per_pixel ? g.c : g.pixels, apart = g.per_pixel ? 1 : g.c;
    YL_EACH(i, g.per_pixel ? g.n * g.pixels : g.n * g.c)
    {
        int64_t first = g.per_pixel ? i * g.c : i / g.c * g.pixels * g.c + i % g.c;
        float total = 0;
        for (int64_t k = 0; k < terms; k++) total += x[first + k * apart] * dy[first + k * apart];
        dfactor[i] = beta == 0 ? total : dfactor[i] + total;
    }
}

yl_status YL_CUDA(scale_channels_factor)(const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *dy,
                                         float beta, void *dfactor)
{
    if (g->per_pixel && g->per_channel) return YL_CUDA(scale_channels)(ctx, g, x, dy, beta, dfactor);
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "scale_channels_factor", g->per_pixel ? g->n * g->pixels : g->n * g->c, sum<T>,
                                    *g, (const T *)x, (const T *)dy, beta, (T *)dfactor));
}
