/* The yolo head: a thread per prediction. The formulas stand in head.h. */
#include "kernels/cuda.h"
#include "kernels/head.cuh"

yl_status YL_CUDA(yolo_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, void *y)
{
    return yl__head_launch_forward(ctx, "yolo_forward", g, x, y);
}
