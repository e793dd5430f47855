/* COCO's box protocol, as pycocotools 2.0 computes it (Lin et al., "Microsoft COCO", ECCV 2014; cocoeval.py). */
#ifndef YL_EVAL_COCO_H
#define YL_EVAL_COCO_H

#include "core/options.h"
#include "eval/classes.h"
#include "eval/resample.h"

typedef struct yl_coco_options {
    bool drop_ignored; /* ignore regions (DontCare among them) are left out; false: each is a crowd region of every
                          class */
    bool neighbours;   /* the class list is Car, Pedestrian and Cyclist; Van and Person_sitting are crowd regions */
} yl_coco_options;

extern const yl_field_table yl_coco_fields;
/* The class list that the options ask for. */
const yl_eval_classes *yl_coco_classes(const yl_coco_options *options);

/* pycocotools' twelve figures, in its order; -1 where there is no truth. Averages are over IoU .5:.05:.95. */
typedef struct yl_coco_row {
    double ap, ap50, ap75, ap_small, ap_medium, ap_large; /* at most 100 detections an image */
    double ar1, ar10, ar100, ar_small, ar_medium, ar_large;
    int64_t n_gt, n_crowd, n_det; /* truths, crowd regions, detections before the cut at 100 */
} yl_coco_row;

/* One row per class, and in *all the means over the classes that have a truth of the size in question.
 * Errors: MEMORY; INVALID from the class list. */
yl_status yl_eval_coco(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                       yl_coco_row *rows, yl_coco_row *all);

/* For resamples of the frames: each class's `ap` (NaN without truth), then their mean. Free *out with yl_resampler_free. Errors as above. */
yl_status yl_coco_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                            yl_resampler **out);

#endif
