/* Batch normalisation (Ioffe & Szegedy 2015) over x {rows, c}, per channel:
 *
 *   mean = sum x / rows,  var = sum (x - mean)^2 / rows,
 *   inverse = 1 / sqrt(var + eps),  y = act(scale * (x - mean) * inverse + bias)
 *   running = (1 - momentum) * running + momentum * batch, the variance's with rows - 1, as Darknet */
#ifndef YL_KERNELS_BATCHNORM_H
#define YL_KERNELS_BATCHNORM_H

#include "core/both.h"
#include "core/dtype.h"
#include "core/now.h"
#include "core/status.h"
#include "kernels/activation.h"

typedef struct yl_batchnorm_geom {
    int64_t rows, c;
    yl_dtype dtype;
    float eps;         /* added to the variance */
    float momentum;    /* share of the batch in the running statistics */
    yl_activation act; /* of y, fused into forward and backward */
    float leaky_slope;
} yl_batchnorm_geom;

/* The batch's share in the running statistics. */
YL_BOTH static inline float yl__batchnorm_rate(const yl_batchnorm_geom *g, const yl_now *now)
{
    return now->statistics_share > 0 ? now->statistics_share : g->momentum;
}

/* scratch: the bytes that statistics, forward, input and backward need. input: the gradient of x from {2, c} sums, of dy and of dy * xhat, over all_rows rows, of which x has a part. move: the running statistics take in a batch's, by the share that `now` says, or the momentum. inverse {c}: of a
 * variance, which it may overwrite. input: the gradient of x from sums over all ranks' rows, {sum dy, sum dy * xhat}, of which g has
 * `all_rows`. backward: where `act` is not linear, dy becomes the gradient before the activation, which `input` takes too. fold: a batch-norm as factor and bias of the convolution before it, whose own bias may be NULL. */
#define YL_BATCHNORM_KERNELS(K)                                                                                        \
    K(batchnorm_scratch, (const yl_ctx *ctx, const yl_batchnorm_geom *g, size_t *bytes), YES)                          \
    K(batchnorm_statistics,                                                                                            \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, float *mean, float *var, void *scratch), YES)     \
    K(batchnorm_move,                                                                                                  \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, const yl_now *now, const float *mean, const float *var,          \
       float *running_mean, float *running_var),                                                                       \
      YES)                                                                                                             \
    K(batchnorm_inverse, (const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *var, float *inverse), YES)       \
    K(batchnorm_fold,                                                                                                  \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *scale, const float *bias, const float *mean,        \
       const float *var, const float *own, float *factor, float *folded),                                              \
      YES)                                                                                                             \
    K(batchnorm_forward,                                                                                               \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, const float *mean, const float *inverse,          \
       const float *scale, const float *bias, void *y, void *scratch),                                                 \
      YES)                                                                                                             \
    K(batchnorm_input,                                                                                                 \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, int64_t all_rows, const void *x, const void *dy,                 \
       const float *mean, const float *inverse, const float *scale, const float *sums, float beta, void *dx,           \
       void *scratch),                                                                                                 \
      NO)                                                                                                              \
    K(batchnorm_backward,                                                                                              \
      (const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, void *dy, const float *mean,                      \
       const float *inverse, const float *scale, const float *bias, bool statistics, float beta, void *dx,             \
       float *dscale, float *dbias, void *scratch),                                                                    \
      YES)

#endif
