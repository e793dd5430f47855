/* Mean over windows: a thread per element of y, and of dx. The formulas stand in avgpool.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

static __device__ float share(yl__span rows, yl__span cols)
{
    return 1.0f / (float)((rows.last - rows.first) * (cols.last - cols.first));
}

template <class T> static __global__ void forward(yl_pool_geom g, const T *x, T *y)
{
    YL_EACH(at, g.n * g.oh * g.ow * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.oh, g.ow, g.c);
        yl__span rows = yl__window_inside(p.i * g.stride_h - g.pad, g.size_h, g.h);
        yl__span cols = yl__window_inside(p.j * g.stride_w - g.pad, g.size_w, g.w);
        float sum = 0;
        for (int64_t r = rows.first; r < rows.last; r++)
            for (int64_t s = cols.first; s < cols.last; s++) sum += x[yl__pixel_index(p.n, r, s, p.c, g.h, g.w, g.c)];
        y[at] = sum * share(rows, cols);
    }
}

template <class T> static __global__ void backward(yl_pool_geom g, const T *dy, T *dx, float beta)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        yl__span rows = yl__windows_over(p.i, g.pad, g.size_h, g.stride_h, g.oh);
        yl__span cols = yl__windows_over(p.j, g.pad, g.size_w, g.stride_w, g.ow);
        float sum = beta == 0 ? 0.0f : (float)dx[at];
        for (int64_t i = rows.first; i < rows.last; i++)
            for (int64_t j = cols.first; j < cols.last; j++)
                sum += share(yl__window_inside(i * g.stride_h - g.pad, g.size_h, g.h),
                             yl__window_inside(j * g.stride_w - g.pad, g.size_w, g.w)) *
                       dy[yl__pixel_index(p.n, i, j, p.c, g.oh, g.ow, g.c)];
        dx[at] = sum;
    }
}

yl_status YL_CUDA(avgpool_forward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "avgpool_forward", g->n * g->oh * g->ow * g->c, forward<T>, *g, (const T *)x, (T *)y));
}

yl_status YL_CUDA(avgpool_backward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *dy, void *dx, float beta)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "avgpool_backward", g->n * g->h * g->w * g->c, backward<T>, *g, (const T *)dy,
                                    (T *)dx, beta));
}
