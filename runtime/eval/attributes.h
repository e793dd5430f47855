/* How well labels beside box and class were predicted (core/attributes.h), on the objects that were found. */
#ifndef YL_EVAL_ATTRIBUTES_H
#define YL_EVAL_ATTRIBUTES_H

#include "eval/classes.h"
#include "eval/confusion.h"

/* Of the matched pairs in which both values are known: how many, and
 *   ANGLE    value: mean of (1 + cos(difference)) / 2;  baseline: the same of the best constant direction
 *   CLASSES  value: share of equal classes;             baseline: share of the most frequent class
 *   SHARE    value: mean absolute difference;           baseline: the same of the median
 * NaN without pairs. */
typedef struct yl_attribute_score {
    int64_t n;
    double value, baseline;
} yl_attribute_score;

typedef struct yl_attributes_row {
    int64_t n_gt, matched; /* objects, and how many of them a detection of their class matches */
    yl_attribute_score score[YL_ATTRIBUTES];
} yl_attributes_row;

/* One row per class, and a last one of all classes together. In each frame, detections of at least `score`, highest first (ties: their order),
 * each take the object of their class with the largest IoU among those that none has taken, if it is above `iou`. Objects to ignore
 * are left out. Errors: MEMORY; INVALID from the class list. */
yl_status yl_eval_attributes(const yl_eval_set *set, const yl_eval_classes *classes,
                             const yl_confusion_options *options, yl_attributes_row *rows);

#endif
