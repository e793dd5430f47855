/* Optimizer steps over the slabs, masks, and what is counted over a range. */
#ifndef YL_KERNELS_STEP_H
#define YL_KERNELS_STEP_H

#include "kernels/flat.h"

/* A step takes a slab in parts, each of one range and at most YL_STEP_PART numbers, in the order of the ranges. */
enum { YL_STEP_PART = 4096 };

typedef struct yl_step_part {
    int64_t at, count; /* in the slab */
    int32_t range;     /* whose scalars it takes, and to whose sum it adds */
    float lr_mult;
    bool decays;    /* weights decay, biases and batch-norm do not */
    bool statistic; /* no optimizer moves it; it has an average */
} yl_step_part;

typedef struct yl_step_geom {
    int64_t parts, ranges;
    int64_t count;  /* of all parts */
    bool decoupled; /* Adam: decay acts on the value (AdamW) and not through the gradient */
    bool nesterov;
} yl_step_geom;

/* What changes between steps: read from device memory, so that a captured graph of the step stays valid. */
typedef struct yl_step_scalars {
    float scale; /* of the gradient: clip factor / images */
    float lr, momentum, decay;
    float beta1, beta2, epsilon, correction1, correction2; /* corrections: 1 - beta^t */
    float ema;                                             /* share of the old average that stays */
} yl_step_scalars;

/* Steps are over all parts in one call; `scalars` are those of every range; they clear the gradient; mask, velocity and ema may be NULL.
 * multiply: x *= factor. apply_mask: x = 0 where the mask is 0, whatever it was. sum_squares: out {ranges}, each the sum over its parts, which are first[r] to
 * first[r + 1] - 1; `partial` has room for a number per part. Parts, scalars, first and out are in device memory. find_not_finite: the
 * lowest index of such a number, -1 where all are finite. */
#define YL_STEP_KERNELS(K)                                                                                             \
    K(step_sgd,                                                                                                        \
      (const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts, const yl_step_scalars *scalars,            \
       const uint8_t *mask, float *grad, float *velocity, float *value, float *ema),                                   \
      YES)                                                                                                             \
    K(step_adam,                                                                                                       \
      (const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts, const yl_step_scalars *scalars,            \
       const uint8_t *mask, float *grad, float *m, float *v, float *value, float *ema),                                \
      YES)                                                                                                             \
    K(multiply, (const yl_ctx *ctx, int64_t count, float factor, float *x), YES)                                       \
    K(apply_mask, (const yl_ctx *ctx, int64_t count, const uint8_t *mask, float *x), YES)                              \
    K(count_nonzero, (const yl_ctx *ctx, int64_t count, const float *x, int64_t *out), YES)                            \
    K(sum_squares,                                                                                                     \
      (const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts, const int32_t *first, const float *x,      \
       double *partial, double *out),                                                                                  \
      YES)                                                                                                             \
    K(find_not_finite, (const yl_ctx *ctx, const yl_flat_geom *g, const void *x, int64_t *index), YES)

#endif
