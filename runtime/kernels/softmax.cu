/* Softmax over the channels of each image: a thread per image. */
#include "kernels/cuda.h"
#include "kernels/head.h"

static __global__ void forward(yl_softmax_geom g, const float *x, float *y)
{
    YL_EACH(i, g.n) yl__softmax(x + i * g.c, g.c, y + i * g.c);
}

yl_status YL_CUDA(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, void *y)
{
    return yl__launch_each(ctx, "softmax_forward", g->n, forward, *g, (const float *)x, (float *)y);
}
