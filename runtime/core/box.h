/* Axis-aligned boxes given by their corners, and the formulas that decode them. Units are the caller's: pixels or fractions. */
#ifndef YL_CORE_BOX_H
#define YL_CORE_BOX_H

#include "core/attributes.h"
#include "core/both.h"
#include "core/status.h"

#include <math.h>

typedef struct yl_box {
    double x1, y1, x2, y2;
} yl_box;

YL_BOTH static inline double yl_box_width(yl_box b)
{
    return b.x2 - b.x1;
}
YL_BOTH static inline double yl_box_height(yl_box b)
{
    return b.y2 - b.y1;
}
YL_BOTH static inline double yl_box_area(yl_box b)
{
    return (b.x2 - b.x1) * (b.y2 - b.y1);
}

/* Area of the intersection; 0 for boxes that touch or lie apart. */
YL_BOTH static inline double yl_box_intersection(yl_box a, yl_box b)
{
    double w = (a.x2 < b.x2 ? a.x2 : b.x2) - (a.x1 > b.x1 ? a.x1 : b.x1);
    double h = (a.y2 < b.y2 ? a.y2 : b.y2) - (a.y1 > b.y1 ? a.y1 : b.y1);
    return w <= 0 || h <= 0 ? 0 : w * h;
}

/* Intersection over union; 0 for two empty boxes. */
YL_BOTH static inline double yl_box_iou(yl_box a, yl_box b)
{
    double inter = yl_box_intersection(a, b), joint = yl_box_area(a) + yl_box_area(b) - inter;
    return joint > 0 ? inter / joint : 0;
}

/* A cell of a head's grid. */
typedef struct yl_cell {
    int64_t col, row, cols, rows;
} yl_cell;

/* Exponents of sizes are clamped to -limit..limit, so that no valid input overflows or becomes zero. */
#define YL_DECODE_LIMIT 50.0

YL_BOTH static inline double yl__decode_exp(double t)
{
    return exp(t > YL_DECODE_LIMIT ? YL_DECODE_LIMIT : t < -YL_DECODE_LIMIT ? -YL_DECODE_LIMIT : t);
}

/* (2 t)^2: sizes with Darknet's new_coords. t is the output of a logistic function; anything far beyond 1 is clamped. */
YL_BOTH static inline double yl__decode_square(double t)
{
    double held = t > 1e4 ? 1e4 : t < -1e4 ? -1e4 : t;
    return 4 * held * held;
}

/* The box {cx, cy, w, h} of one prediction, in fractions of the network's input. `entry` is the head's output: x and y after the
 * logistic function, w and h as they are; `prior_w`, `prior_h` is the anchor in fractions of the input.
 *   cx = (col + scale * x - (scale - 1) / 2) / cols,   w = prior_w * exp(w) */
YL_BOTH static inline void yl__decode(const float *entry, double prior_w, double prior_h, double scale, yl_cell cell,
                                      double box[4])
{
    box[0] = ((double)cell.col + scale * entry[0] - 0.5 * (scale - 1)) / (double)cell.cols;
    box[1] = ((double)cell.row + scale * entry[1] - 0.5 * (scale - 1)) / (double)cell.rows;
    box[2] = prior_w * yl__decode_exp(entry[2]);
    box[3] = prior_h * yl__decode_exp(entry[3]);
}

/* YOLOv2: anchors in cells (Redmon and Farhadi 2017, section 2). */
YL_BOTH static inline void yl_decode_region(const float *entry, double anchor_w, double anchor_h, yl_cell cell,
                                            double box[4])
{
    yl__decode(entry, anchor_w / (double)cell.cols, anchor_h / (double)cell.rows, 1, cell, box);
}

/* YOLOv3 and v4: anchors in pixels of the network's input (net_w, net_h); scale_x_y as in Bochkovskiy et al. 2020. With
 * `new_coords` (scaled YOLOv4, Wang et al. 2021) sizes are anchor * (2 w)^2. */
YL_BOTH static inline void yl_decode_yolo(const float *entry, double anchor_w, double anchor_h, double net_w,
                                          double net_h, double scale_x_y, bool new_coords, yl_cell cell, double box[4])
{
    yl__decode(entry, anchor_w / net_w, anchor_h / net_h, scale_x_y, cell, box);
    if (!new_coords) return;
    box[2] = anchor_w / net_w * yl__decode_square(entry[2]);
    box[3] = anchor_h / net_h * yl__decode_square(entry[3]);
}

/* The corners of {cx, cy, w, h}. */
YL_BOTH static inline yl_box yl_box_corners(const double box[4])
{
    return (yl_box){box[0] - box[2] / 2, box[1] - box[3] / 2, box[0] + box[2] / 2, box[1] + box[3] / 2};
}

/* A detected object. The box is in pixels of the original image; class, head and the head's anchor count from 0. attributes: the values of
 * core/attributes.h, those that the head does not predict as unknown. */
typedef struct yl_detection {
    int32_t class_index;
    int16_t head, anchor;
    double score;
    yl_box box;
    double attributes[YL_ATTRIBUTES];
} yl_detection;

#endif
