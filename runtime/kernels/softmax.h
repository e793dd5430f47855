/* Softmax over the channels of each image, and the cross-entropy with its class.
 *
 *   y[n,k] = exp(x[n,k]) / sum over j of exp(x[n,j])
 *   loss = sum over images of -log y[n, class(n)],   d loss / d x[n,k] = y[n,k] - [k = class(n)]
 *
 * class(n) is that of the image's first object; an image without one costs nothing. */
#ifndef YL_KERNELS_SOFTMAX_H
#define YL_KERNELS_SOFTMAX_H

#include "core/dtype.h"
#include "core/now.h"
#include "core/status.h"

/* Class scores {n, c}. */
typedef struct yl_softmax_geom {
    int64_t n, c;
    yl_dtype dtype;
} yl_softmax_geom;

/* softmax_loss: parts[YL_PART_CLASS] = the loss, in device memory like the truth; dx may be NULL. */
#define YL_SOFTMAX_KERNELS(K)                                                                                          \
    K(softmax_forward, (const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, float *y), YES)                    \
    K(softmax_loss,                                                                                                    \
      (const yl_ctx *ctx, const yl_softmax_geom *g, const yl_now *now, const float *y, const yl_truth *truth,          \
       void *dx, float beta, double *parts),                                                                           \
      YES)

#endif
