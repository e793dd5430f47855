/* The region head of YOLOv2 (Redmon and Farhadi 2017): activation. */
#include "kernels/head.h"

yl_status YL_CPU(region_forward)(const yl_ctx *ctx, const yl_head_geom *g, const void *x, void *y)
{
    return yl__head_forward(ctx, g, x, y);
}
