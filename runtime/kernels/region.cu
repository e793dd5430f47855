/* The region head on a GPU: the formulas stand in region.h. */
#include "kernels/region.formulas.h"
#include "kernels/head.cuh"

yl_status YL_CUDA(region_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y)
{
    return yl__head_launch_forward(ctx, "region_forward", g, x, y);
}

yl_status YL_CUDA(region_loss)(const yl_ctx *ctx, const yl_region_geom *g, const yl_now *now, const float *y,
                               const yl_truth *truth, double *partial, void *dx, float beta, double *parts)
{
    return yl__head_launch_loss<yl_region_geom, yl__region_term>(ctx, "region_loss", g, now, y, truth, partial, dx,
                                                                 beta, parts);
}
