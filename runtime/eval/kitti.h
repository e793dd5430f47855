/* KITTI's 2D object protocol, as the official development kit computes it (evaluate_object.cpp; Geiger, Lenz, Urtasun,
 * "Are we ready for autonomous driving?", CVPR 2012), with AP on 11 and on 40 recall points. */
#ifndef YL_EVAL_KITTI_H
#define YL_EVAL_KITTI_H

#include "eval/eval_set.h"
#include "eval/resample.h"

enum { YL_KITTI_CLASSES = 3, YL_KITTI_LEVELS = 3, YL_KITTI_POINTS = 41 };

typedef struct yl_kitti_curve {
    int64_t n_gt;
    int64_t count; /* of thresholds: at most 41 */
    double thresholds[YL_KITTI_POINTS];
    int64_t tp[YL_KITTI_POINTS], fp[YL_KITTI_POINTS], fn[YL_KITTI_POINTS]; /* at each threshold */
    double precision[YL_KITTI_POINTS], aos[YL_KITTI_POINTS];               /* slot k: recall k/40; NaN where 0/0 */
    double ap_r11, ap_r40, aos_r11, aos_r40;                               /* fractions; NaN: does not exist */
} yl_kitti_curve;

typedef struct yl_kitti_result {
    bool evaluated[YL_KITTI_CLASSES]; /* a class without any detection has no result */
    bool aos;                         /* false where some detection has no angle (alpha -10): then aos* are NaN */
    yl_kitti_curve curve[YL_KITTI_CLASSES][YL_KITTI_LEVELS];
    /* Mean of the moderate ap_r40 of the classes with moderate truth; one that was not evaluated counts 0. NaN where no
     * class has truth. */
    double map;
} yl_kitti_result;

extern const char *const yl_kitti_class_names[YL_KITTI_CLASSES]; /* Car Pedestrian Cyclist */
extern const char *const yl_kitti_level_names[YL_KITTI_LEVELS];  /* easy moderate hard */

/* `person` counts as Pedestrian and `bicycle` as Cyclist, so that a network with COCO's classes can be scored.
 * Errors: MEMORY. */
yl_status yl_eval_kitti(const yl_eval_set *set, yl_kitti_result *out);

/* For resamples of the frames: the moderate ap_r40 of Car, Pedestrian and Cyclist (NaN without truth or detections), then `map`. Free
 * *out with yl_resampler_free. Errors: MEMORY. */
yl_status yl_kitti_resampler(const yl_eval_set *set, yl_resampler **out);

#endif
