/* Non-maximum suppression: of detections that overlap too much, the one with the highest score stays; or the others lose some of theirs. */
#ifndef YL_DETECT_SUPPRESS_H
#define YL_DETECT_SUPPRESS_H

#include "core/box.h"

typedef struct yl_suppress_options {
    double iou;          /* a box is removed if its overlap with a kept one exceeds this */
    bool soft;           /* instead of that its score is multiplied by 1 - overlap */
    double floor;        /* soft: a box whose score falls below this is removed */
    double vote;         /* > 0: boxes of any score that overlap a kept one by this (IoU) or more move it; 0: none do */
    double beta;         /* > 0: the overlap is IoU - (d^2/c^2)^beta (Darknet's beta_nms); 0: plain IoU */
    bool class_agnostic; /* boxes of different classes suppress each other too */
    double width, height; /* of the image: divides the coordinates before distances are taken; 0: they are fractions */
} yl_suppress_options;

/* Distance IoU (Zheng et al., "Distance-IoU loss", AAAI 2020) with an exponent: IoU - (d^2/c^2)^beta, d the distance of the centres, c
 * the diagonal of the enclosing box; plain IoU if the enclosing box is a point. */
double yl_box_diou(yl_box a, yl_box b, double beta);

/* Keeps the remaining detections in `d`, sorted by decreasing score (ties: in their order), and their number in *count. A kept box
 * keeps what the network said of it, but for its score where `soft` is set (Bodla et al., "Soft-NMS", ICCV 2017, equation 2) and its
 * corners where `vote` is: these become the mean of its voters', weighted by the scores that the network gave them (Gidaris and
 * Komodakis, "Object detection via a multi-region and semantic segmentation-aware CNN model", ICCV 2015, section 5). Errors: INVALID
 * for a threshold outside 0..1 or a negative beta; MEMORY. */
yl_status yl_suppress(const yl_suppress_options *options, yl_detection *d, int64_t *count);

/* Of detections with exactly equal boxes, keeps the one with the highest score (ties: the first); their order is unchanged. */
yl_status yl_best_class_per_box(yl_detection *d, int64_t *count);

#endif
