/* Darknet's [reorg]: a fixed permutation of each image's elements, which is *not* space-to-depth.
 *
 * It is defined in Darknet's memory order (C, H, W). Read x's memory as v of shape (C/s^2, H*s, W*s); with q = k / (C/s^2),
 *   z[k][j][i] = v[k mod C/s^2][j*s + q / s][i*s + q mod s]   for k < C, j < H, i < W,
 * and read z's memory as (C*s^2, H/s, W/s). Our tensors are NHWC, so both sides are taken apart into (c, h, w). The weights of
 * YOLOv2 were trained with it. */
#ifndef YL_KERNELS_REORG_H
#define YL_KERNELS_REORG_H

#include "core/dtype.h"
#include "core/status.h"

/* x {n, h, w, c}, y {n, h/stride, w/stride, c*stride^2}. */
typedef struct yl_reorg_geom {
    int64_t n, h, w, c, stride;
    yl_dtype dtype;
} yl_reorg_geom;

#define YL_REORG_KERNELS(K)                                                                                            \
    K(reorg_forward, (const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y), YES)                         \
    K(reorg_backward, (const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta), YES)

#endif
