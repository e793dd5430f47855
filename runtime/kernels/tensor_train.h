/* One core of a tensor train applied to a batch (Novikov et al., "Tensorizing neural networks", NIPS 2015, eq. 5, a core at a time): a core's
 * numbers lie as a matrix {rows, inner} = {(m, r'), (r, n)}, where m and n are a mode of the outputs and of the inputs, r and r' the ranks
 * before and behind. So what one core leaves is what the next one takes, without a transposition.
 *
 *   y {batch, rows, rest}: y[b] = weight x[b] + bias,   dx[b] = beta*dx[b] + weight^T dy[b],   dweight += sum over b of dy[b] x[b]^T
 *
 * x {batch, inner, rest}. Element j of y, counted over the batch, takes bias[j % outputs]; bias may be NULL. */
#ifndef YL_KERNELS_TENSOR_TRAIN_H
#define YL_KERNELS_TENSOR_TRAIN_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_tensor_train_geom {
    int64_t batch, rows, inner, rest, outputs;
    yl_dtype dtype;
} yl_tensor_train_geom;

#define YL_TENSOR_TRAIN_KERNELS(K)                                                                                     \
    K(tensor_train_forward,                                                                                            \
      (const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x, const float *weight, const float *bias,        \
       void *y),                                                                                                       \
      YES)                                                                                                             \
    K(tensor_train_backward_data,                                                                                      \
      (const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *dy, const float *weight, void *dx, float beta),   \
      YES)                                                                                                             \
    K(tensor_train_backward_params,                                                                                    \
      (const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x, const void *dy, float *dweight), YES)

#endif
