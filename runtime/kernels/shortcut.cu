/* Residual sums: the formulas stand in shortcut.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

template <class T> static __global__ void forward(int64_t count, const T *a, const T *b, T *y)
{
    YL_EACH(i, count) y[i] = (float)a[i] + b[i];
}

template <class T> static __global__ void backward(int64_t count, const T *dy, T *dx, float beta)
{
    YL_EACH(i, count) dx[i] = beta == 0 ? (float)dy[i] : dx[i] + dy[i];
}

template <class T> static __global__ void add(yl_shortcut_geom g, const T *from, T *to)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        T *sum = to + yl__pixel_index(p.n, p.i * g.to_step, p.j * g.to_step, p.c, g.to_h, g.to_w, g.to_c);
        *sum =
            *sum + from[yl__pixel_index(p.n, p.i * g.from_step, p.j * g.from_step, p.c, g.from_h, g.from_w, g.from_c)];
    }
}

yl_status YL_CUDA(shortcut_forward)(const yl_ctx *ctx, const yl_flat_geom *g, const void *a, const void *b, void *y)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "shortcut_forward", g->count, forward<T>, g->count, (const T *)a, (const T *)b, (T *)y));
}

yl_status YL_CUDA(shortcut_backward)(const yl_ctx *ctx, const yl_flat_geom *g, const void *dy, void *dx, float beta)
{
    if (beta == 0 && dx == dy) return YL_OK;
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "shortcut_backward", g->count, backward<T>, g->count, (const T *)dy, (T *)dx, beta));
}

yl_status YL_CUDA(shortcut_add)(const yl_ctx *ctx, const yl_shortcut_geom *g, const void *from, void *to)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "shortcut_add", g->n * g->h * g->w * g->c, add<T>, *g, (const T *)from, (T *)to));
}
