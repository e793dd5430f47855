/* Space to depth and back: the formula stands in reorg3d.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

/* Where element `at` of x lies in y. */
static __device__ int64_t place(const yl_reorg_geom &g, int64_t at)
{
    yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
    int64_t s = g.stride, q = p.i % s * s + p.j % s;
    return yl__pixel_index(p.n, p.i / s, p.j / s, q * g.c + p.c, g.h / s, g.w / s, g.c * s * s);
}

template <class T> static __global__ void forward(yl_reorg_geom g, const T *x, T *y)
{
    YL_EACH(at, g.n * g.h * g.w * g.c) y[place(g, at)] = x[at];
}

template <class T> static __global__ void backward(yl_reorg_geom g, const T *dy, T *dx, float beta)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        float d = dy[place(g, at)];
        dx[at] = beta == 0 ? d : dx[at] + d;
    }
}

yl_status YL_CUDA(reorg3d_forward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "reorg3d_forward", g->n * g->h * g->w * g->c, forward<T>, *g, (const T *)x, (T *)y));
}

yl_status YL_CUDA(reorg3d_backward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "reorg3d_backward", g->n * g->h * g->w * g->c, backward<T>, *g, (const T *)dy,
                                    (T *)dx, beta));
}
