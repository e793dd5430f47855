/* Channels of one tensor copied into, or added to, channels of another. */
#include "kernels/launch.cuh"

static __global__ void copy(yl_route_geom g, const float *from, float *to, float beta)
{
    YL_EACH(i, g.pixels * g.count)
    {
        int64_t pixel = i / g.count, c = i % g.count;
        float value = from[pixel * g.from_c + g.from_at + c], *at = to + pixel * g.to_c + g.to_at + c;
        *at = beta == 0 ? value : *at + value;
    }
}

yl_status YL_CUDA(route_copy)(const yl_ctx *ctx, const yl_route_geom *g, const void *from, void *to, float beta)
{
    return yl__launch_each(ctx, "route_copy", g->pixels * g->count, copy, *g, (const float *)from, (float *)to, beta);
}
