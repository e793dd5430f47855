/* Runs a network on one picture in memory. For many files, use the loader. */
#ifndef YL_DETECT_PREDICT_H
#define YL_DETECT_PREDICT_H

#include "detect/detect.h"
#include "image/image.h"

typedef struct yl_predict_options {
    bool
        letterbox; /* keep the aspect ratio, fill with grey; false: scale width and height independently, as Darknet does */
    yl_detect_options detect;
} yl_predict_options;

extern const yl_field_table yl_predict_fields; /* all but `detect` */

/* Runs `plan` (inference, whole, any batch: slot 0 is used) over the picture and returns its detections in pixels of the
 * picture, highest score first. *list is the caller's (yl_free). Errors: INVALID for a plan that trains or has no input, a network
 * that does not take 3 channels or has no head; NUMERIC for a NaN; MEMORY. */
yl_status yl_predict(const yl_net *net, yl_plan *plan, const yl_image *image, const yl_predict_options *options,
                     yl_detection **list, int64_t *count);

#endif
