/* The region head on the CPU: the formulas stand in region.h. */
#include "kernels/region.formulas.h"
#include "kernels/head_walk.h"

yl_status YL_CPU(region_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y)
{
    return yl__head_forward(ctx, g, x, y);
}

static void term(const void *geometry, const yl_truth *truth, const yl__prediction *p, double parts[YL_PARTS])
{
    yl__region_term(geometry, truth, p, parts);
}

yl_status YL_CPU(region_loss)(const yl_ctx *ctx, const yl_region_geom *g, const yl_now *now, const float *y,
                              const yl_truth *truth, double *partial, void *dx, float beta, double *parts)
{
    return yl__head_loss(ctx, &g->head, g, term, y, now, truth, partial, dx, beta, parts);
}
