/* Channels of one tensor copied into, or added to, channels of another. */
#include "kernels/launch.cuh"

template <class T> static __global__ void copy(yl_route_geom g, const T *from, T *to, float beta)
{
    YL_EACH(i, g.pixels * g.count)
    {
        int64_t pixel = i / g.count, c = i % g.count;
        float value = from[pixel * g.from_c + g.from_at + c];
        T *at = to + pixel * g.to_c + g.to_at + c;
        *at = beta == 0 ? value : *at + value;
    }
}

yl_status YL_CUDA(route_copy)(const yl_ctx *ctx, const yl_route_geom *g, const void *from, void *to, float beta)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "route_copy", g->pixels * g->count, copy<T>, *g, (const T *)from, (T *)to, beta));
}
