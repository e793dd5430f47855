/* Space to depth: the s x s pixels of a block become s^2 groups of channels.
 *
 *   y[n,j,i,k] = x[n, j*s + q / s, i*s + q mod s, k mod C]   with q = k / C */
#ifndef YL_KERNELS_REORG3D_H
#define YL_KERNELS_REORG3D_H

#include "kernels/reorg.h"

#define YL_REORG3D_KERNELS(K)                                                                                          \
    K(reorg3d_forward, (const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y), YES)                       \
    K(reorg3d_backward, (const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta), YES)

#endif
