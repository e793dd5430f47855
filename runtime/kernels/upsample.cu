/* Nearest upsampling and its gradient: the formulas stand in upsample.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

template <class T> static __global__ void forward(yl_upsample_geom g, const T *x, T *y)
{
    YL_EACH(at, g.n * g.h * g.w * g.c * g.stride * g.stride)
    {
        yl__pixel p = yl__pixel_at(at, g.h * g.stride, g.w * g.stride, g.c);
        y[at] = g.scale * x[yl__pixel_index(p.n, p.i / g.stride, p.j / g.stride, p.c, g.h, g.w, g.c)];
    }
}

template <class T> static __global__ void backward(yl_upsample_geom g, const T *dy, T *dx, float beta)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        float sum = beta == 0 ? 0.0f : (float)dx[at];
        for (int u = 0; u < g.stride; u++)
            for (int v = 0; v < g.stride; v++)
                sum += g.scale * dy[yl__pixel_index(p.n, p.i * g.stride + u, p.j * g.stride + v, p.c, g.h * g.stride,
                                                    g.w * g.stride, g.c)];
        dx[at] = sum;
    }
}

yl_status YL_CUDA(upsample_forward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *x, void *y)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "upsample_forward", g->n * g->h * g->w * g->c * g->stride * g->stride,
                                    forward<T>, *g, (const T *)x, (T *)y));
}

yl_status YL_CUDA(upsample_backward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *dy, void *dx, float beta)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "upsample_backward", g->n * g->h * g->w * g->c, backward<T>, *g, (const T *)dy,
                                    (T *)dx, beta));
}
