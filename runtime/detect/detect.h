/* From a plan's heads to a list of detections in pixels of the image. */
#ifndef YL_DETECT_DETECT_H
#define YL_DETECT_DETECT_H

#include "core/box.h"
#include "core/options.h"
#include "loader/batch.h"
#include "net/plan.h"

typedef enum yl_nms { YL_NMS_HARD, YL_NMS_SOFT } yl_nms;

typedef struct yl_detect_options {
    double conf, iou;
    yl_nms nms;     /* what happens to the weaker of two boxes */
    double vote;    /* IoU from which boxes move the one that stays; 0: none do */
    bool clip;      /* to the image */
    bool one_class; /* a box keeps its best class only */
    bool agnostic;  /* boxes of different classes suppress each other; always plain IoU */
    int64_t most;   /* per image; 0: no limit */
} yl_detect_options;

extern const yl_field_table yl_detect_fields;

/* Detections of image `i` of the batch, after a forward of `plan` (in inference mode) over it: decoded from every head, mapped
 * to the image, suppressed as the first head's cfg says (nms_kind, beta_nms), highest score first. *list is the caller's
 * (yl__free). Errors: INVALID where the network has no head; NUMERIC where a head holds a NaN. */
yl_status yl_detect_image(const yl_net *net, yl_plan *plan, const yl_batch *batch, int64_t i,
                          const yl_detect_options *options, yl_detection **list, int64_t *count);

#endif
