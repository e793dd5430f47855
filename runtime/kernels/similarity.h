/* IoU and its relatives, with their derivatives: what the IoU losses of the yolo head are made of. */
#ifndef YL_KERNELS_SIMILARITY_H
#define YL_KERNELS_SIMILARITY_H

#include "core/box.h"
#include "kernels/yolo.h"

/* Derivatives with respect to left, top, right, bottom of the first box. */
typedef struct yl__sides {
    double at[4];
} yl__sides;

typedef struct yl__overlap {
    yl_box p, t;         /* prediction, truth */
    double inter, joint; /* areas of intersection and union */
    yl__sides d_inter, d_joint;
} yl__overlap;

YL_BOTH static inline yl__overlap yl__overlap_of(yl_box p, yl_box t)
{
    yl__overlap o = {.p = p, .t = t, .inter = yl_box_intersection(p, t)};
    double pw = yl_box_width(p), ph = yl_box_height(p);
    const double d_area[4] = {-ph, -pw, ph, pw};
    if (o.inter > 0) {
        double w = fmin(p.x2, t.x2) - fmax(p.x1, t.x1), h = fmin(p.y2, t.y2) - fmax(p.y1, t.y1);
        o.d_inter = (yl__sides){{p.x1 > t.x1 ? -h : 0, p.y1 > t.y1 ? -w : 0, p.x2 < t.x2 ? h : 0, p.y2 < t.y2 ? w : 0}};
    }
    o.joint = pw * ph + yl_box_area(t) - o.inter;
    for (int i = 0; i < 4; i++) o.d_joint.at[i] = d_area[i] - o.d_inter.at[i];
    return o;
}

/* IoU = I / U */
YL_BOTH static inline double yl__plain_iou(const yl__overlap *o, yl__sides *d)
{
    for (int i = 0; i < 4; i++)
        d->at[i] = (o->d_inter.at[i] * o->joint - o->inter * o->d_joint.at[i]) / (o->joint * o->joint);
    return o->inter / o->joint;
}

/* Width, height of the enclosing box, and by how much each side of the prediction moves it (0 or 1). */
YL_BOTH static inline void yl__enclosing(const yl__overlap *o, double *w, double *h, double moves[4])
{
    *w = fmax(o->p.x2, o->t.x2) - fmin(o->p.x1, o->t.x1);
    *h = fmax(o->p.y2, o->t.y2) - fmin(o->p.y1, o->t.y1);
    moves[0] = o->p.x1 < o->t.x1, moves[1] = o->p.y1 < o->t.y1;
    moves[2] = o->p.x2 > o->t.x2, moves[3] = o->p.y2 > o->t.y2;
}

/* -(C - U) / C, C the area of the enclosing box (Rezatofighi et al. 2019, algorithm 1) */
YL_BOTH static inline double yl__enclosure_penalty(const yl__overlap *o, yl__sides *d)
{
    double w, h, moves[4];
    yl__enclosing(o, &w, &h, moves);
    double c = w * h, d_c[4] = {-h * moves[0], -w * moves[1], h * moves[2], w * moves[3]};
    for (int i = 0; i < 4; i++) d->at[i] += (o->d_joint.at[i] * c - o->joint * d_c[i]) / (c * c);
    return o->joint / c - 1;
}

/* -rho^2 / c^2: squares of the centres' distance and of the enclosing box's diagonal (Zheng et al. 2020, eq. 7) */
YL_BOTH static inline double yl__distance_penalty(const yl__overlap *o, yl__sides *d)
{
    double w, h, moves[4];
    yl__enclosing(o, &w, &h, moves);
    double x = (o->p.x1 + o->p.x2 - o->t.x1 - o->t.x2) / 2, y = (o->p.y1 + o->p.y2 - o->t.y1 - o->t.y2) / 2;
    double rho = x * x + y * y, c = w * w + h * h, d_rho[4] = {x, y, x, y};
    double d_c[4] = {-2 * w * moves[0], -2 * h * moves[1], 2 * w * moves[2], 2 * h * moves[3]};
    for (int i = 0; i < 4; i++) d->at[i] -= (d_rho[i] * c - rho * d_c[i]) / (c * c);
    return -rho / c;
}

/* -alpha * v, v = 4/pi^2 (atan(wt/ht) - atan(w/h))^2, alpha = v / (1 - IoU + v) (Zheng et al. 2020, eqs. 8 to 11). As the paper
 * does, alpha is a constant to the gradient; unlike the paper's code, 1 / (w^2 + h^2) is kept, so the rest is exact. */
YL_BOTH static inline double yl__aspect_penalty(const yl__overlap *o, double iou, double *d_w, double *d_h)
{
    double w = yl_box_width(o->p), h = yl_box_height(o->p), k = 4 / (3.14159265358979323846 * 3.14159265358979323846);
    double off = atan2(yl_box_width(o->t), yl_box_height(o->t)) - atan2(w, h), v = k * off * off;
    double alpha = v / (1 - iou + v + 1e-6), r = w * w + h * h;
    if (r < 1e-300) r = 1e-300; /* a box without size */
    *d_w += alpha * 2 * k * off * h / r;
    *d_h -= alpha * 2 * k * off * w / r;
    return -alpha * v;
}

/* The similarity (1 for equal boxes) of a predicted and a true box {cx, cy, w, h}, both of positive size, and its derivatives
 * with respect to the predicted one. Not for mse. */
YL_BOTH static inline double yl__similarity(yl_iou_loss kind, const double p[4], const double t[4], double d[4])
{
    yl__overlap o = yl__overlap_of(yl_box_corners(p), yl_box_corners(t));
    yl__sides sides;
    double iou = yl__plain_iou(&o, &sides), sum = iou;
    if (kind == YL_IOU_LOSS_giou) sum += yl__enclosure_penalty(&o, &sides);
    if (kind == YL_IOU_LOSS_diou || kind == YL_IOU_LOSS_ciou) sum += yl__distance_penalty(&o, &sides);
    d[0] = sides.at[0] + sides.at[2];
    d[1] = sides.at[1] + sides.at[3];
    d[2] = (sides.at[2] - sides.at[0]) / 2;
    d[3] = (sides.at[3] - sides.at[1]) / 2;
    if (kind == YL_IOU_LOSS_ciou) sum += yl__aspect_penalty(&o, iou, &d[2], &d[3]);
    return sum;
}

#endif
