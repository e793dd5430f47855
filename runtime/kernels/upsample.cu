/* Nearest upsampling and its gradient: the formulas stand in upsample.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

static __global__ void forward(yl_upsample_geom g, const float *x, float *y)
{
    YL_EACH(at, g.n * g.h * g.w * g.c * g.stride * g.stride)
    {
        yl__pixel p = yl__pixel_at(at, g.h * g.stride, g.w * g.stride, g.c);
        y[at] = g.scale * x[yl__pixel_index(p.n, p.i / g.stride, p.j / g.stride, p.c, g.h, g.w, g.c)];
    }
}

static __global__ void backward(yl_upsample_geom g, const float *dy, float *dx, float beta)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        float sum = beta == 0 ? 0 : dx[at];
        for (int u = 0; u < g.stride; u++)
            for (int v = 0; v < g.stride; v++)
                sum += g.scale * dy[yl__pixel_index(p.n, p.i * g.stride + u, p.j * g.stride + v, p.c, g.h * g.stride,
                                                    g.w * g.stride, g.c)];
        dx[at] = sum;
    }
}

yl_status YL_CUDA(upsample_forward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *x, void *y)
{
    return yl__launch_each(ctx, "upsample_forward", g->n * g->h * g->w * g->c * g->stride * g->stride, forward, *g,
                           (const float *)x, (float *)y);
}

yl_status YL_CUDA(upsample_backward)(const yl_ctx *ctx, const yl_upsample_geom *g, const void *dy, void *dx, float beta)
{
    return yl__launch_each(ctx, "upsample_backward", g->n * g->h * g->w * g->c, backward, *g, (const float *)dy,
                           (float *)dx, beta);
}
