/* The yolo head of YOLOv3 (Redmon and Farhadi 2018) and YOLOv4 (Bochkovskiy et al. 2020): activation. */
#include "kernels/head.h"

yl_status YL_CPU(yolo_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, void *y)
{
    return yl__head_forward(ctx, g, x, y);
}
