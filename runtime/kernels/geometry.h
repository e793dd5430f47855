/* Geometries: plain structs that tell a kernel all it has to know about shapes. Sizes are int64_t and count elements. */
#ifndef YL_KERNELS_GEOMETRY_H
#define YL_KERNELS_GEOMETRY_H

#include "core/dtype.h"
#include "core/status.h"

/* The shape of an activation. */
typedef struct yl_shape {
    int64_t n, h, w, c;
} yl_shape;

static inline int64_t yl_shape_count(yl_shape s)
{
    return s.n * s.h * s.w * s.c;
}

/* Activation functions; the formulas stand in kernels/activation.c. */
#define YL_ACTIVATIONS(X) X(linear) X(leaky) X(relu) X(logistic) X(swish) X(mish)

typedef enum yl_activation {
#define X(name) YL_ACT_##name,
    YL_ACTIVATIONS(X)
#undef X
} yl_activation;

/* Convolution: x {n, h, w, c}, weights {oc, kh, kw, c/groups}, y {n, oh, ow, oc}.
 * y[n,i,j,o] = bias[o] + sum over u, v, k of w[o,u,v,k] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, first(o) + k],
 * where first(o) = (o / (oc/groups)) * (c/groups) and pixels outside x are 0. */
typedef struct yl_conv2d_geom {
    int64_t n, h, w, c, oh, ow, oc;
    int32_t kh, kw, sh, sw, dh, dw, groups;
    int32_t pt, pl; /* padding above and to the left; below and to the right follow from oh and ow */
    yl_dtype dtype; /* of x and y */
    yl_activation act; /* epilogue of the forward direction: y = act(conv + bias) */
    float leaky_slope;
} yl_conv2d_geom;

/* What an optimizer step does to one range of the slabs. */
typedef struct yl_step_geom {
    int64_t count;
    float lr_mult;
    bool decays;    /* weights decay, biases and batch-norm do not */
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

#endif
