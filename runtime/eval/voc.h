/* PASCAL VOC's average precision (Everingham et al., "The PASCAL visual object classes challenge", IJCV 2010), in its
 * 11-point form of 2007 and as the area of 2010, and the precision-recall curve that both summarise. */
#ifndef YL_EVAL_VOC_H
#define YL_EVAL_VOC_H

#include "core/options.h"
#include "eval/classes.h"
#include "eval/resample.h"

typedef struct yl_voc_options {
    double iou;     /* least overlap of a match */
    bool plus1;     /* boxes are inclusive pixels: width = x2 - x1 + 1 (the VOC kit) */
    bool strict;    /* overlap > iou (py-faster-rcnn) instead of >= iou (the VOC kit) */
    bool difficult; /* truths with occluded > 2, truncated > 0.5 or height <= 25 forgive, and are not asked for */
} yl_voc_options;

extern const yl_field_table yl_voc_fields;

typedef struct yl_voc_row {
    int64_t n_gt, n_det; /* truths that are asked for; all detections */
    int64_t tp, fp;      /* over all detections, whatever their score */
    double ap07, ap;     /* fractions; NaN without truth */
} yl_voc_row;

/* One row per class into rows[classes->count]; *map is the mean `ap` over the classes with truth (NaN without any).
 * Errors: MEMORY; INVALID from the class list. */
yl_status yl_eval_voc(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                      yl_voc_row *rows, double *map);

/* What holds when every detection below `score` is dropped, over all classes together. */
typedef struct yl_working_point {
    double score, precision, recall, f1; /* NaN where there is no truth or no detection */
} yl_working_point;

/* The score with the largest F1 over all classes of the list together (2 tp / (2 tp + fp + fn), summed over classes), the highest such
 * score on ties. Errors as above. */
yl_status yl_voc_best_point(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                            yl_working_point *out);

/* For resamples of the frames: each class's `ap` (NaN without truth), then their mean. Free *out with yl_resampler_free. Errors as above. */
yl_status yl_voc_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                           yl_resampler **out);

/* The detections of one class by falling score (ties: frame order, then order within the frame), each with what holds
 * when the list is cut after it. */
typedef struct yl_pr_curve {
    int64_t n_gt, count, tp, fp;
    double *score, *precision, *recall, *f1; /* [count]; precision 0 while nothing counted, recall NaN without truth */
} yl_pr_curve;

yl_status yl_pr_curve_make(const yl_eval_set *set, const yl_eval_classes *classes, int64_t class_index,
                           const yl_voc_options *options, yl_pr_curve *out);
void yl_pr_curve_free(yl_pr_curve *curve);

#endif
