/* The yolo head on the CPU: the formulas stand in yolo.h. */
#include "kernels/yolo.formulas.h"
#include "kernels/head_walk.h"

yl_status YL_CPU(yolo_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y)
{
    return yl__head_forward(ctx, g, x, y);
}

static void term(const void *geometry, const yl_truth *truth, const yl__prediction *p, double parts[YL_PARTS])
{
    yl__yolo_term(geometry, truth, p, parts);
}

yl_status YL_CPU(yolo_loss)(const yl_ctx *ctx, const yl_yolo_geom *g, const yl_now *now, const float *y,
                            const yl_truth *truth, double *partial, void *dx, float beta, double *parts)
{
    return yl__head_loss(ctx, &g->head, g, term, y, now, truth, partial, dx, beta, parts);
}
