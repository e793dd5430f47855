/* What the twins of the two heads share. */
#ifndef YL_KERNELS_HEAD_CUH
#define YL_KERNELS_HEAD_CUH

#include "kernels/cuda.h"
#include "kernels/head.h"

static __global__ void yl__head_forward_kernel(yl_head_geom g, const float *x, float *y)
{
    int64_t size = YL_HEAD_BOX + g.classes;
    YL_EACH(p, g.n * g.h * g.w * g.anchors) yl__head_entry(&g, x + p * size, y + p * size);
}

static inline yl_status yl__head_launch_forward(const yl_ctx *ctx, const char *name, const yl_head_geom *g,
                                                const void *x, void *y)
{
    return yl__launch_each(ctx, name, g->n * g->h * g->w * g->anchors, yl__head_forward_kernel, *g, (const float *)x,
                           (float *)y);
}

#endif
