/* The region head of YOLOv2 (Redmon and Farhadi 2017) with the loss that Darknet trains it by.
 *
 * An object is assigned to one prediction: that of the cell in which its centre lies and of the anchor whose shape is nearest
 * (largest IoU with both centred; the first of equals). Shapes are the anchors' (bias_match) or the predicted ones. Where several
 * objects are assigned to one prediction, the last in the list counts.
 *
 *   positive: box       coord_scale/2 * ((sx - tx)^2 + (sy - ty)^2 + (w - tw)^2 + (h - th)^2)
 *               with sx = logistic(x), tx = cx * cols - col, tw = log(truth w * cols / anchor w)
 *             object    object_scale/2 * (so - target)^2,  target = 1, or the IoU of prediction and truth with rescore
 *             class     class_scale * cross-entropy with the truth's class (softmax, or logistic each)
 *             attributes  what the object's known labels cost (attributes.formulas.h)
 *   negative: noobject  noobject_scale/2 * so^2, unless the IoU with some object is above `thresh`, or an ignore region or
 *                       a neighbour class forgives it
 *             box       prior_scale/2 * ((sx - 1/2)^2 + (sy - 1/2)^2 + w^2 + h^2), during the first prior_images
 *
 * The assignment and the IoU of rescore are constants to the gradient. */
#ifndef YL_KERNELS_REGION_H
#define YL_KERNELS_REGION_H

#include "kernels/head.h"

typedef struct yl_region_geom {
    yl_head_geom head;
    float anchors[2 * YL_MAX_ANCHORS]; /* width, height, in cells */
    bool bias_match;                   /* anchors are matched by their own shape, not by the predicted one */
    bool rescore;                      /* objectness learns the IoU, not 1 */
    float thresh, object_scale, noobject_scale, class_scale, coord_scale;
    float prior_scale;    /* pull of every unmatched prediction towards its anchor, */
    int64_t prior_images; /* while step * n is below so many */
} yl_region_geom;

/* The truth's rows and counts, and parts {box, object, noobject, class, attributes...}, are in device memory; `partial` holds yl_head_parts
 * doubles per row of cells; dx may be NULL. */
#define YL_REGION_KERNELS(K)                                                                                           \
    K(region_forward, (const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y), YES)                        \
    K(region_loss,                                                                                                     \
      (const yl_ctx *ctx, const yl_region_geom *g, const yl_now *now, const float *y, const yl_truth *truth,           \
       double *partial, void *dx, float beta, double *parts),                                                          \
      YES)

#endif
