/* What the two detection heads, region and yolo, share on every device: the activation of their input, reading the truth, and the terms
 * of their losses. head_walk.h has the CPU's walk over all predictions, head.cuh the GPU's.
 *
 * A loss looks at one prediction at a time and asks every truth row of its image about it, so that predictions are independent
 * of each other: threads and devices cannot change a result. All arithmetic of a loss is in double precision. */
#ifndef YL_KERNELS_HEAD_FORMULAS_H
#define YL_KERNELS_HEAD_FORMULAS_H

#include "core/both.h"
#include "core/box.h"
#include "kernels/attributes.formulas.h"
#include "kernels/kernels.h"

#include <math.h>

/* One prediction: logistic of x, y and objectness; w and h as they are; classes by softmax or logistic each; then the attributes. y may be
 * x. */
YL_BOTH static inline void yl__head_entry(const yl_head_geom *g, const float *x, float *y)
{
    if (g->new_coords) {
        for (int64_t k = 0; k < YL_HEAD_BOX + g->classes; k++) y[k] = x[k];
        return;
    }
    y[0] = yl__logistic(x[0]);
    y[1] = yl__logistic(x[1]);
    y[2] = x[2];
    y[3] = x[3];
    y[4] = yl__logistic(x[4]);
    if (g->softmax)
        yl__softmax(x + YL_HEAD_BOX, g->classes, y + YL_HEAD_BOX);
    else
        for (int32_t k = 0; k < g->classes; k++) y[YL_HEAD_BOX + k] = yl__logistic(x[YL_HEAD_BOX + k]);
    int64_t at = YL_HEAD_BOX + g->classes;
    if (g->attributes) yl__attributes_entry(g->attributes, x + at, y + at);
}

/* ---- truth ---- */

typedef struct yl__row {
    double box[4]; /* cx, cy, w, h */
    yl_box corners;
    int32_t kind, class_index;
    const float *attributes; /* NULL: the truth has none */
} yl__row;

/* Row t of an image's truth; false where it is left out: an empty box, an object outside the image or the classes. */
YL_BOTH static inline bool yl__read_row(const yl_truth *truth, int64_t image, int64_t t, int32_t classes, yl__row *out)
{
    const float *r = yl_truth_row(truth, image, t);
    if (!(r[YL_TRUTH_W] > 0 && r[YL_TRUTH_H] > 0)) return false;
    for (int i = 0; i < 4; i++) out->box[i] = r[i];
    out->corners = yl_box_corners(out->box);
    out->kind = r[YL_TRUTH_KIND] >= 1.5f   ? YL_TRUTH_NEIGHBOUR
                : r[YL_TRUTH_KIND] >= 0.5f ? YL_TRUTH_IGNORE
                                           : YL_TRUTH_OBJECT;
    out->class_index = -1;
    out->attributes = truth->attributes ? r + YL_TRUTH_FIELDS : NULL;
    if (out->kind != YL_TRUTH_OBJECT) return true;
    if (!(r[0] >= 0 && r[0] <= 1 && r[1] >= 0 && r[1] <= 1)) return false;
    if (!(r[YL_TRUTH_CLASS] >= 0 && r[YL_TRUTH_CLASS] < (float)classes)) return false;
    out->class_index = (int32_t)r[YL_TRUTH_CLASS];
    return true;
}

/* True where the centre of an object lies in this cell (the last cell takes the image's edge). */
YL_BOTH static inline bool yl__in_cell(const yl__row *row, yl_cell cell)
{
    int64_t col = (int64_t)(row->box[0] * (double)cell.cols), line = (int64_t)(row->box[1] * (double)cell.rows);
    return (col < cell.cols ? col : cell.cols - 1) == cell.col && (line < cell.rows ? line : cell.rows - 1) == cell.row;
}

/* IoU of two boxes with one centre. */
YL_BOTH static inline double yl__shape_iou(double w1, double h1, double w2, double h2)
{
    double inter = (w1 < w2 ? w1 : w2) * (h1 < h2 ? h1 : h2);
    return inter / (w1 * h1 + w2 * h2 - inter);
}

/* True where a row that is no object forgives the prediction: more than half of it lies in an ignore region, or its IoU with a
 * neighbour class is above one half. */
YL_BOTH static inline bool yl__forgiven(const yl__row *row, yl_box predicted)
{
    if (row->kind == YL_TRUTH_IGNORE) {
        return yl_box_intersection(predicted, row->corners) > 0.5 * yl_box_area(predicted);
    }
    return row->kind == YL_TRUTH_NEIGHBOUR && yl_box_iou(predicted, row->corners) > 0.5;
}

/* ---- one prediction ---- */

typedef struct yl__prediction {
    int64_t image;
    yl_cell cell;
    int32_t anchor;    /* of this head */
    const float *y;    /* its entries */
    float *dx;         /* NULL where no gradient is wanted */
    const yl_now *now; /* NULL where the loss is the same in every step */
} yl__prediction;

/* What the labels of an object beside its box and class teach a prediction that is assigned to it. */
YL_BOTH static inline void yl__head_attributes_term(const yl_head_geom *g, const yl__prediction *p, const yl__row *row,
                                                    double share, double *parts)
{
    int64_t at = YL_HEAD_BOX + g->classes;
    if (g->attributes) yl__attributes_term(g, row->attributes, share, p->y + at, p->dx ? p->dx + at : NULL, parts);
}

/* A number that is not finite anywhere in an entry must not hide: it makes the loss NaN. */
YL_BOTH static inline double yl__not_finite(const float *y, int64_t size)
{
    int bad = 0;
    for (int64_t k = 0; k < size; k++) bad |= !(y[k] - y[k] == 0);
    return bad ? NAN : 0;
}

/* Clears the gradient of a prediction where it is not added to, and looks for what is not finite in it. */
YL_BOTH static inline double yl__begin(const yl__prediction *p, int64_t size, float beta)
{
    for (int64_t k = 0; p->dx && beta == 0 && k < size; k++) p->dx[k] = 0;
    return yl__not_finite(p->y, size);
}

#endif
