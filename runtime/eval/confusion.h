/* The confusion matrix of a detector: which class it saw where which class was. */
#ifndef YL_EVAL_CONFUSION_H
#define YL_EVAL_CONFUSION_H

#include "core/options.h"
#include "eval/classes.h"

typedef struct yl_confusion_options {
    double iou;   /* a pair overlaps by more than this */
    double score; /* detections below it are left out */
} yl_confusion_options;

extern const yl_field_table yl_confusion_fields;

/* cells[truth][seen], (count + 1) squared: the last row are detections without truth, the last column truths without
 * detection. Pairs are made by falling IoU whatever the class, each box once (ties: score, then order). A detection
 * without truth that lies in an ignore region by more than `iou` of its own area is left out. Errors: MEMORY; INVALID
 * from the class list. */
yl_status yl_eval_confusion(const yl_eval_set *set, const yl_eval_classes *classes, const yl_confusion_options *options,
                            int64_t *cells);

#endif
