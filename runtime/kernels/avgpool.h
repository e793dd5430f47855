/* Mean over windows, channel by channel; pixels outside the image do not count.
 *
 *   y[n,i,j,c] = sum of x over the window's pixels inside the image / how many they are
 *   dx[n,r,s,c] = beta * dx + sum over the windows that see (r, s) of dy[n,i,j,c] / how many pixels that window has */
#ifndef YL_KERNELS_AVGPOOL_H
#define YL_KERNELS_AVGPOOL_H

#include "kernels/pool.h"

#define YL_AVGPOOL_KERNELS(K)                                                                                          \
    K(avgpool_forward, (const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y), YES)                        \
    K(avgpool_backward, (const yl_ctx *ctx, const yl_pool_geom *g, const void *dy, void *dx, float beta), YES)

#endif
