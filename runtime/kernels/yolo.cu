/* The yolo head on a GPU: the formulas stand in yolo.h. */
#include "kernels/yolo.formulas.h"
#include "kernels/head.cuh"

yl_status YL_CUDA(yolo_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y)
{
    return yl__head_launch_forward(ctx, "yolo_forward", g, x, y);
}

yl_status YL_CUDA(yolo_loss)(const yl_ctx *ctx, const yl_yolo_geom *g, const yl_now *now, const float *y,
                             const yl_truth *truth, double *partial, void *dx, float beta, double *parts)
{
    return yl__head_launch_loss<yl_yolo_geom, yl__yolo_term>(ctx, "yolo_loss", g, now, y, truth, partial, dx, beta,
                                                             parts);
}
