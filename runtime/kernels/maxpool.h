/* Maximum over windows, channel by channel; the place of the maximum (the first in scan order) is kept for backward.
 *
 *   y[n,i,j,c] = max over u, v of x[n, i*stride_h - pad + u, j*stride_w - pad + v, c], pixels outside x left out
 *   dx[n,r,s,c] = sum of dy[n,i,j,c] over the windows whose maximum was taken at (r, s)
 *
 * A window that holds a NaN gives a NaN. */
#ifndef YL_KERNELS_MAXPOOL_H
#define YL_KERNELS_MAXPOOL_H

#include "kernels/pool.h"

/* `taken`: for each element of y, the place in its window, row by row. */
#define YL_MAXPOOL_KERNELS(K)                                                                                          \
    K(maxpool_forward, (const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y, uint16_t *taken), YES)       \
    K(maxpool_backward,                                                                                                \
      (const yl_ctx *ctx, const yl_pool_geom *g, const uint16_t *taken, const void *dy, void *dx, float beta), YES)

#endif
