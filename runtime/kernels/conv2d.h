/* Convolution: x {n, h, w, c}, weights {oc, kh, kw, c/groups}, y {n, oh, ow, oc}.
 *
 *   y[n,i,j,o] = bias[o] + sum over u, v, k of w[o,u,v,k] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, first(o) + k]
 *
 * where first(o) = (o / (oc/groups)) * (c/groups) and pixels outside x are 0.
 *
 * It has algorithms: one file each (kernels/conv2d.<name>.c), one line each in algorithms.def. This is what
 * each answers; backend/conv2d.h chooses among them. */
#ifndef YL_KERNELS_CONV2D_H
#define YL_KERNELS_CONV2D_H

#include "core/device.h"
#include "core/dtype.h"
#include "kernels/activation.h"

typedef struct yl_conv2d_geom {
    int64_t n, h, w, c, oh, ow, oc;
    int32_t kh, kw, sh, sw, dh, dw, groups;
    int32_t pt, pl;    /* padding above and to the left; below and to the right follow from oh and ow */
    yl_dtype dtype;    /* of x and y; where x is quantised (u8), y is of out_dtype */
    yl_activation act; /* epilogue of the forward direction: y = act(conv + bias) */
    float leaky_slope;
    bool tf32;     /* factors of f32 may be rounded to TF32 (10 bits behind the point) before they are multiplied */
    bool bf16;     /* or to bf16 (7 bits), where the device's `factors` have it; sums are of f32 */
    int32_t zeros; /* percent of the weights, at least, that are zero; 0 also where that is unknown */
    yl_dtype out_dtype;        /* u8 or f32 */
    yl_quant x_quant, y_quant; /* of quantised x and y */
} yl_conv2d_geom;

/* A matrix {rows, cols} of which columns are summed. */
typedef struct yl_columns_geom {
    int64_t rows, cols;
    yl_dtype dtype;
} yl_columns_geom;

typedef enum yl_direction { YL_FORWARD, YL_BACKWARD_DATA, YL_BACKWARD_WEIGHTS, YL_DIRECTIONS } yl_direction;

/* The operands of one run; a direction leaves what it does not use NULL. x, y, dx, dy are of the geometry's type.
 *   forward:           x, packed, bias (or NULL) -> y = act(conv(x, weights) + bias)
 *   backward data:     dy, packed -> dx = beta * dx + gradient
 *   backward weights:  x, dy -> dweight += gradient, summed over the batch */
typedef struct yl_conv2d_run {
    const void *x, *dy;
    const void *packed; /* what `pack` wrote; the weights themselves where packed_bytes is 0 */
    const float *bias;
    void *y, *dx;
    float beta;
    float *dweight;
    void *scratch; /* scratch_bytes, 64-byte aligned, contents undefined */
} yl_conv2d_run;

typedef struct yl_conv2d_algo {
    const char *name;
    /* Whether it can run, on ctx's device. */
    bool (*supports)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d);
    /* A rough time in multiply-adds, for choosing without measuring and for skipping hopeless candidates. */
    double (*cost)(const yl_conv2d_geom *g, yl_direction d);
    size_t (*scratch_bytes)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d);
    size_t (*packed_bytes)(const yl_conv2d_geom *g, yl_direction d); /* 0 for backward weights */
    /* Writes the weights {oc, kh, kw, c/groups} in the algorithm's order, output channel o times scale[o] (NULL: 1). */
    yl_status (*pack)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed);
    yl_status (*run)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run);
} yl_conv2d_algo;

/* Multiply-adds of one direction (the same for all three). */
static inline double yl_conv2d_work(const yl_conv2d_geom *g)
{
    return (double)(g->n * g->oh * g->ow) * (double)g->oc * (double)(g->kh * g->kw) * (double)(g->c / g->groups);
}

/* `supports` of an algorithm that an instruction set does not have, whose other functions are then NULL. */
static inline bool yl_conv2d_never(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)g, (void)d;
    return false;
}

/* A 1x1 convolution that is a plain matrix product over all pixels. */
static inline bool yl_conv2d_pointwise(const yl_conv2d_geom *g)
{
    return g->kh == 1 && g->kw == 1 && g->sh == 1 && g->sw == 1 && g->pt == 0 && g->pl == 0 && g->oh == g->h &&
           g->ow == g->w;
}

/* The list ends in NULL. column_sums: sums[c] += the sum of column c, which is the gradient of the bias. */
#define YL_CONV2D_KERNELS(K)                                                                                           \
    K(conv2d_algorithms, (const yl_conv2d_algo *const **list), YES)                                                    \
    K(column_sums, (const yl_ctx *ctx, const yl_columns_geom *g, const void *x, float *sums), YES)

#endif
