/* What the two detection heads, region and yolo, have in common.
 * Channel = anchor * (5 + classes) + entry; entries: x, y, w, h, objectness, then one per class. */
#ifndef YL_KERNELS_HEAD_H
#define YL_KERNELS_HEAD_H

#include "core/dtype.h"
#include "core/now.h"
#include "core/status.h"

enum { YL_MAX_ANCHORS = 32, YL_HEAD_BOX = 5 };

typedef struct yl_head_geom {
    int64_t n, h, w;          /* images and cells */
    int32_t anchors, classes; /* anchors of this head */
    bool softmax;             /* classes: softmax, else logistic each */
    bool new_coords;          /* yolo only: the layer before has activated everything; sizes are squares */
    yl_dtype dtype;
} yl_head_geom;

#endif
