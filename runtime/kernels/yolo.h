/* The yolo head of YOLOv3 (Redmon and Farhadi 2018) and YOLOv4 (Bochkovskiy et al. 2020) with the loss that Darknet trains it by.
 *
 * An object is assigned to the predictions of the cell in which its centre lies and of the anchor whose shape is nearest among all
 * heads' anchors (largest IoU with both centred; the first of equals), where that anchor is this head's; with iou_thresh < 1 also to
 * every other anchor of this head whose shape has a larger IoU than that. With truth_thresh < 1 it is also assigned to the
 * predictions whose best IoU, that with this object, is above truth_thresh.
 *
 *   positive: object    obj_normalizer * CE(so, target), target = 1, or with rescore the best IoU
 *             class     cls_normalizer * sum over classes of CE(s_k, 1 where some assigned object is of class k, else 0), smoothed
 *             box       the sum over assigned objects, with iou_thresh < 1 divided by the number of their different classes, of
 *               mse:    iou_normalizer * (2 - w*h of the truth) * (s CE(sx, ux) + s CE(sy, uy) + (w - tw)^2/2 + (h - th)^2/2)
 *                       with s = scale_x_y, ux = (cx * cols - col + (s - 1)/2) / s, tw = log(truth w * net_w / anchor w)
 *               others: iou_normalizer * (1 - similarity), see similarity.h
 *             attributes  what each assigned object's known labels cost (attributes.formulas.h), divided as the boxes are
 *   negative: noobject  obj_normalizer * CE(so, 0), unless the IoU with some object is above ignore_thresh while some class
 *                       probability is above 1/4 (Darknet's rule), or an ignore region or a neighbour class forgives it
 *
 * CE(p, u) = -u log p - (1 - u) log(1 - p), sx = logistic(x). The assignment and the IoU of rescore are constants to the gradient. The
 * gradient is exact (alpha of CIoU apart). With loose_chain the IoU losses use Darknet's: d similarity / d(cx, cy) goes to x and y as it is, and
 * d similarity / d(w, h) times exp(w), exp(h); that is larger by cols / (slope of the logistic) and net_w / anchor w, and
 * published values of iou_normalizer (0.07) belong to it.
 *
 * With new_coords the head's input is taken as it is (the layer before ends in the logistic function): CE(p, u) becomes
 * (p - u)^2 / 2, sx becomes x, tw becomes sqrt(truth w * net_w / anchor w) / 2, and sizes are anchor * (2 w)^2. */
#ifndef YL_KERNELS_YOLO_H
#define YL_KERNELS_YOLO_H

#include "kernels/head.h"

#define YL_IOU_LOSSES(X) X(mse) X(iou) X(giou) X(diou) X(ciou)

typedef enum yl_iou_loss {
#define X(name) YL_IOU_LOSS_##name,
    YL_IOU_LOSSES(X)
#undef X
} yl_iou_loss;

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
    bool loose_chain; /* Darknet's gradient of the IoU losses: see above */
    bool rescore;     /* objectness learns the IoU, not 1 */
} yl_yolo_geom;

/* The truth's rows and counts, and parts {box, object, noobject, class, attributes...}, are in device memory; `partial` holds yl_head_parts
 * doubles per row of cells; dx may be NULL. */
#define YL_YOLO_KERNELS(K)                                                                                             \
    K(yolo_forward, (const yl_ctx *ctx, const yl_head_geom *g, const void *x, float *y), YES)                          \
    K(yolo_loss,                                                                                                       \
      (const yl_ctx *ctx, const yl_yolo_geom *g, const yl_now *now, const float *y, const yl_truth *truth,             \
       double *partial, void *dx, float beta, double *parts),                                                          \
      YES)

#endif
