/* Maximum over windows: a thread per element of y, and of dx. The formulas stand in maxpool.h. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"

template <class T> static __global__ void forward(yl_pool_geom g, const T *x, T *y, uint16_t *taken)
{
    YL_EACH(at, g.n * g.oh * g.ow * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.oh, g.ow, g.c);
        int64_t top = p.i * g.stride_h - g.pad, left = p.j * g.stride_w - g.pad;
        yl__span rows = yl__window_inside(top, g.size_h, g.h), cols = yl__window_inside(left, g.size_w, g.w);
        int64_t place = (rows.first - top) * g.size_w + cols.first - left;
        float best = x[yl__pixel_index(p.n, rows.first, cols.first, p.c, g.h, g.w, g.c)];
        for (int64_t r = rows.first; r < rows.last; r++)
            for (int64_t s = cols.first; s < cols.last; s++) {
                float value = x[yl__pixel_index(p.n, r, s, p.c, g.h, g.w, g.c)];
                if (!(value > best || value != value)) continue;
                if (best == best) place = (r - top) * g.size_w + s - left;
                best = value;
            }
        y[at] = best;
        if (taken) taken[at] = (uint16_t)(best == best ? place : (rows.first - top) * g.size_w + cols.first - left);
    }
}

template <class T>
static __global__ void backward(yl_pool_geom g, const uint16_t *taken, const T *dy, T *dx, float beta)
{
    YL_EACH(at, g.n * g.h * g.w * g.c)
    {
        yl__pixel p = yl__pixel_at(at, g.h, g.w, g.c);
        yl__span rows = yl__windows_over(p.i, g.pad, g.size_h, g.stride_h, g.oh);
        yl__span cols = yl__windows_over(p.j, g.pad, g.size_w, g.stride_w, g.ow);
        float sum = beta == 0 ? 0.0f : (float)dx[at];
        for (int64_t i = rows.first; i < rows.last; i++)
            for (int64_t j = cols.first; j < cols.last; j++) {
                int64_t from = yl__pixel_index(p.n, i, j, p.c, g.oh, g.ow, g.c);
                int64_t place = (p.i + g.pad - i * g.stride_h) * g.size_w + p.j + g.pad - j * g.stride_w;
                if (taken[from] == place) sum += dy[from];
            }
        dx[at] = sum;
    }
}

yl_status YL_CUDA(maxpool_forward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y, uint16_t *taken)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "maxpool_forward", g->n * g->oh * g->ow * g->c, forward<T>, *g, (const T *)x,
                                    (T *)y, taken));
}

yl_status YL_CUDA(maxpool_backward)(const yl_ctx *ctx, const yl_pool_geom *g, const uint16_t *taken, const void *dy,
                                    void *dx, float beta)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "maxpool_backward", g->n * g->h * g->w * g->c, backward<T>, *g, taken,
                                    (const T *)dy, (T *)dx, beta));
}
