/* Geometries: plain structs that tell a kernel all it has to know about shapes and types. Sizes are int64_t and count elements;
 * `dtype` is that of the activations and their gradients, which a kernel takes as void *. */
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
#define YL_ACTIVATIONS(X)                                                                                              \
    X(linear)                                                                                                          \
    X(leaky)                                                                                                           \
    X(relu)                                                                                                            \
    X(logistic)                                                                                                        \
    X(swish)                                                                                                           \
    X(mish)                                                                                                            \
    X(relu6)                                                                                                           \
    X(hardswish)                                                                                                       \
    X(hard_mish)                                                                                                       \
    X(tanh)                                                                                                            \
    X(elu)                                                                                                             \
    X(selu)                                                                                                            \
    X(gelu)                                                                                                            \
    X(hardtan)                                                                                                         \
    X(ramp)                                                                                                            \
    X(loggy)                                                                                                           \
    X(relie)

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
    int32_t pt, pl;    /* padding above and to the left; below and to the right follow from oh and ow */
    yl_dtype dtype;    /* of x and y */
    yl_activation act; /* epilogue of the forward direction: y = act(conv + bias) */
    float leaky_slope;
} yl_conv2d_geom;

/* An activation over `count` elements. */
typedef struct yl_activation_geom {
    int64_t count;
    yl_activation act;
    float leaky_slope;
    yl_dtype dtype;
} yl_activation_geom;

/* `count` elements side by side, of whatever shape. */
typedef struct yl_flat_geom {
    int64_t count;
    yl_dtype dtype;
} yl_flat_geom;

/* A matrix {rows, cols} of which columns are summed. */
typedef struct yl_columns_geom {
    int64_t rows, cols;
    yl_dtype dtype;
} yl_columns_geom;

/* Class scores {n, c}. */
typedef struct yl_softmax_geom {
    int64_t n, c;
    yl_dtype dtype;
} yl_softmax_geom;

/* Batch-norm over x {rows, c}: rows = n * h * w. */
typedef struct yl_batchnorm_geom {
    int64_t rows, c;
    yl_dtype dtype;
    float eps;      /* added to the variance */
    float momentum; /* share of the batch in the running statistics */
} yl_batchnorm_geom;

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

/* Pooling windows: output (i, j) sees rows i*stride_h - pad ... i*stride_h - pad + size_h - 1 of x, columns alike; what lies
 * outside x is left out. */
typedef struct yl_pool_geom {
    int64_t n, h, w, c, oh, ow;
    int32_t size_h, size_w, stride_h, stride_w, pad;
    yl_dtype dtype;
} yl_pool_geom;

/* A copy of `count` channels of every pixel, from channel `from_at` of `from_c` to channel `to_at` of `to_c`. */
typedef struct yl_route_geom {
    int64_t pixels, count, from_c, from_at, to_c, to_at;
    yl_dtype dtype;
} yl_route_geom;

/* Products with a factor: y {n, pixels, c} = x times factor {n, 1 or pixels, 1 or c}, which is repeated along what it lacks. */
typedef struct yl_scale_geom {
    int64_t n, pixels, c;
    bool per_pixel, per_channel; /* whether the factor has pixels, has channels; one of them at least */
    yl_dtype dtype;
} yl_scale_geom;

/* Nearest upsampling: y {n, h*stride, w*stride, c} = scale * x {n, h, w, c}. */
typedef struct yl_upsample_geom {
    int64_t n, h, w, c;
    int32_t stride;
    float scale;
    yl_dtype dtype;
} yl_upsample_geom;

/* Dropout of `count` elements: which survive is a function of (seed, step, layer, element) alone. */
typedef struct yl_dropout_geom {
    int64_t count;
    uint64_t seed;
    uint32_t step, layer;
    float probability; /* of being dropped, in [0, 1) */
    yl_dtype dtype;
} yl_dropout_geom;

/* A sum of two tensors of unequal sizes, at the points and channels that both have: every from_step-th row and column of
 * `from` meets every to_step-th of `to`. */
typedef struct yl_shortcut_geom {
    int64_t n, h, w, c; /* what both have */
    int64_t from_h, from_w, from_c, from_step;
    int64_t to_h, to_w, to_c, to_step;
    yl_dtype dtype;
} yl_shortcut_geom;

/* A fully connected layer: y {n, out} = x {n, in} W^T + b, W {out, in}. */
typedef struct yl_connected_geom {
    int64_t n, in, out;
    yl_dtype dtype;
} yl_connected_geom;

/* Reordering of pixels into channels: x {n, h, w, c}, y {n, h/stride, w/stride, c*stride^2}. */
typedef struct yl_reorg_geom {
    int64_t n, h, w, c, stride;
    yl_dtype dtype;
} yl_reorg_geom;

/* Detection heads. Channel = anchor * (5 + classes) + entry; entries: x, y, w, h, objectness, then one per class. */
enum { YL_MAX_ANCHORS = 32, YL_HEAD_BOX = 5 };

typedef struct yl_head_geom {
    int64_t n, h, w;          /* images and cells */
    int32_t anchors, classes; /* anchors of this head */
    bool softmax;             /* classes: softmax, else logistic each */
    bool new_coords;          /* yolo only: the layer before has activated everything; sizes are squares */
    yl_dtype dtype;
} yl_head_geom;

/* The loss of YOLOv2's head; the formulas stand in kernels/region.c. */
typedef struct yl_region_geom {
    yl_head_geom head;
    float anchors[2 * YL_MAX_ANCHORS]; /* width, height, in cells */
    bool bias_match;                   /* anchors are matched by their own shape, not by the predicted one */
    bool rescore;                      /* objectness learns the IoU, not 1 */
    float thresh, object_scale, noobject_scale, class_scale, coord_scale;
    float prior_scale; /* pull of every unmatched prediction towards its anchor; 0: none */
} yl_region_geom;

#define YL_IOU_LOSSES(X) X(mse) X(iou) X(giou) X(diou) X(ciou)

typedef enum yl_iou_loss {
#define X(name) YL_IOU_LOSS_##name,
    YL_IOU_LOSSES(X)
#undef X
} yl_iou_loss;

/* The loss of the heads of YOLOv3 and YOLOv4; the formulas stand in kernels/yolo.c. */
typedef struct yl_yolo_geom {
    yl_head_geom head;
    int32_t total;                     /* anchors of all heads together; */
    float anchors[2 * YL_MAX_ANCHORS]; /* width, height, in pixels of the network's input */
    int32_t mask[YL_MAX_ANCHORS];      /* which of them are this head's */
    float net_w, net_h;                /* size of the network's input in pixels */
    float scale_x_y, label_smooth;
    float ignore_thresh, truth_thresh, iou_thresh;
    float iou_normalizer, obj_normalizer, cls_normalizer;
    yl_iou_loss iou_loss;
    bool loose_chain; /* Darknet's gradient of the IoU losses: see kernels/yolo.c */
} yl_yolo_geom;

/* Matrix product c {m, n} = a {m, k} b {k, n}, row-major, leading dimensions in elements; at, bt: stored transposed. */
typedef struct yl_matmul_geom {
    int64_t m, n, k, lda, ldb, ldc;
    bool at, bt;
    float beta; /* of what is in c: 0 overwrite, 1 add */
} yl_matmul_geom;

/* A picture laid on a network's input (see augment/record.h): the view, a rectangle of the source in pixels, fills the pane, a
 * rectangle of the output; the rest is `fill`, or stays as it is (`keep`). Pane pixel i of n reads source column view_x + i (view_w - 1)/(n - 1). */
typedef struct yl_warp_geom {
    int64_t source_w, source_h, w, h;
    double view_x, view_y, view_w, view_h;
    int64_t pane_x, pane_y, pane_w, pane_h;
    bool flip, keep;
    float fill;
    float hue, saturation, exposure; /* neutral: 0, 1, 1 */
} yl_warp_geom;

/* Bytes of scratch that warp needs: two rows and the columns' table. */
static inline size_t yl_warp_scratch(const yl_warp_geom *g)
{
    return (size_t)g->pane_w * (6 * sizeof(float) + 2 * sizeof(int32_t) + sizeof(float)) + 64;
}

#endif
