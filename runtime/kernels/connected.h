/* The fully connected layer, as matrix products of OpenBLAS (row-major).
 *
 *   y {n, out} = x {n, in} W^T + b,   dx = beta*dx + dy W,   dW {out, in} += dy^T x,   db += sum over images of dy; b may be NULL */
#ifndef YL_KERNELS_CONNECTED_H
#define YL_KERNELS_CONNECTED_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_connected_geom {
    int64_t n, in, out;
    yl_dtype dtype;
} yl_connected_geom;

#define YL_CONNECTED_KERNELS(K)                                                                                        \
    K(connected_forward,                                                                                               \
      (const yl_ctx *ctx, const yl_connected_geom *g, const void *x, const float *weight, const float *bias, void *y), \
      YES)                                                                                                             \
    K(connected_backward_data,                                                                                         \
      (const yl_ctx *ctx, const yl_connected_geom *g, const void *dy, const float *weight, void *dx, float beta), YES) \
    K(connected_backward_params,                                                                                       \
      (const yl_ctx *ctx, const yl_connected_geom *g, const void *x, const void *dy, float *dweight, float *dbias),    \
      YES)

#endif
