/* Axis-aligned boxes in corner form, and the truth objects that carry them. Units are the caller's (pixels or fractions). */
#ifndef YL_CORE_BOX_H
#define YL_CORE_BOX_H

#include "core/status.h"

typedef struct yl_box {
    double x1, y1, x2, y2;
} yl_box;

static inline double yl_box_width(yl_box b) { return b.x2 - b.x1; }
static inline double yl_box_height(yl_box b) { return b.y2 - b.y1; }
static inline double yl_box_area(yl_box b) { return (b.x2 - b.x1) * (b.y2 - b.y1); }

/* Area of the intersection; 0 where the boxes only touch or are apart. */
static inline double yl_box_intersection(yl_box a, yl_box b)
{
    double w = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
    double h = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
    return w <= 0 || h <= 0 ? 0 : w * h;
}

/* Intersection over union; 0 for two empty boxes. */
static inline double yl_box_iou(yl_box a, yl_box b)
{
    double inter = yl_box_intersection(a, b), joint = yl_box_area(a) + yl_box_area(b) - inter;
    return joint > 0 ? inter / joint : 0;
}

/* One found object: class index (0-based), score, box in pixels of the original image. */
typedef struct yl_detection {
    int32_t class_index;
    double score;
    yl_box box;
} yl_detection;

#endif
