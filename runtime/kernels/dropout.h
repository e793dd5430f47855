/* Inverted dropout (Srivastava et al. 2014, scaled in training): to = beta*to + keep * from / (1 - p).
 *
 * keep is a function of (seed, step, layer, image, element) alone: element e of the image in place i of the step's batch uses word e % 4
 * of the Philox4x32-10 block (core/rng.h) whose counter is (e / 4, i, step, layer) under the key `seed`, and survives where the word is at
 * least p * 2^32. So a batch drops the same elements however it is divided. Forward and backward are the same map, so no mask is
 * stored. */
#ifndef YL_KERNELS_DROPOUT_H
#define YL_KERNELS_DROPOUT_H

#include "core/dtype.h"
#include "core/now.h"
#include "core/status.h"

typedef struct yl_dropout_geom {
    int64_t images, count; /* elements of an image, below 2^34 */
    uint32_t layer;
    float probability; /* of being dropped, in [0, 1) */
    yl_dtype dtype;
} yl_dropout_geom;

#define YL_DROPOUT_KERNELS(K)                                                                                          \
    K(dropout,                                                                                                         \
      (const yl_ctx *ctx, const yl_dropout_geom *g, const yl_now *now, const void *from, void *to, float beta), YES)

#endif
