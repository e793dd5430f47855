/* Nearest upsampling and its gradient.
 *
 *   y[n,i,j,c] = scale * x[n, i / stride, j / stride, c]
 *   dx[n,r,s,c] = beta * dx + scale * sum over u, v < stride of dy[n, r*stride + u, s*stride + v, c] */
#ifndef YL_KERNELS_UPSAMPLE_H
#define YL_KERNELS_UPSAMPLE_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_upsample_geom {
    int64_t n, h, w, c;
    int32_t stride;
    float scale;
    yl_dtype dtype;
} yl_upsample_geom;

#define YL_UPSAMPLE_KERNELS(K)                                                                                         \
    K(upsample_forward, (const yl_ctx *ctx, const yl_upsample_geom *g, const void *x, void *y), YES)                   \
    K(upsample_backward, (const yl_ctx *ctx, const yl_upsample_geom *g, const void *dy, void *dx, float beta), YES)

#endif
