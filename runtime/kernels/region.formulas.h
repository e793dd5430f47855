/* The loss of region.h, for one prediction. */
#ifndef YL_KERNELS_REGION_FORMULAS_H
#define YL_KERNELS_REGION_FORMULAS_H

#include "kernels/region.h"
#include "kernels/head.formulas.h"

YL_BOTH static inline int32_t yl__region_nearest_anchor(const yl_region_geom *g, const yl__prediction *p,
                                                        const yl__row *row)
{
    int64_t size = yl_head_size(&g->head);
    const float *cell = p->y - p->anchor * size;
    double best = 0, w = row->box[2] * (double)p->cell.cols, h = row->box[3] * (double)p->cell.rows;
    int32_t found = 0;
    for (int32_t a = 0; a < g->head.anchors; a++) {
        const float *entry = cell + a * size;
        double aw = g->anchors[2 * a], ah = g->anchors[2 * a + 1];
        if (!g->bias_match) aw *= yl__decode_exp(entry[2]), ah *= yl__decode_exp(entry[3]);
        double iou = yl__shape_iou(aw, ah, w, h);
        if (iou > best) best = iou, found = a;
    }
    return found;
}

YL_BOTH static inline double yl__region_box_term(const yl_region_geom *g, const yl__prediction *p, const yl__row *row)
{
    double scale = g->coord_scale, w = row->box[2] * (double)p->cell.cols, h = row->box[3] * (double)p->cell.rows;
    double tx = row->box[0] * (double)p->cell.cols - (double)p->cell.col;
    double ty = row->box[1] * (double)p->cell.rows - (double)p->cell.row;
    float *dx = p->dx;
    return yl__squared_logistic(p->y[0], tx, scale, dx) + yl__squared_logistic(p->y[1], ty, scale, dx ? dx + 1 : NULL) +
           yl__squared(p->y[2], log(w / g->anchors[2 * p->anchor]), scale, dx ? dx + 2 : NULL) +
           yl__squared(p->y[3], log(h / g->anchors[2 * p->anchor + 1]), scale, dx ? dx + 3 : NULL);
}

YL_BOTH static inline double yl__region_prior_term(const yl_region_geom *g, const yl__prediction *p)
{
    double scale = g->prior_scale;
    float *dx = p->dx;
    if (scale == 0 || (int64_t)p->now->step * g->head.n >= g->prior_images) return 0;
    return yl__squared_logistic(p->y[0], 0.5, scale, dx) +
           yl__squared_logistic(p->y[1], 0.5, scale, dx ? dx + 1 : NULL) +
           yl__squared(p->y[2], 0, scale, dx ? dx + 2 : NULL) + yl__squared(p->y[3], 0, scale, dx ? dx + 3 : NULL);
}

YL_BOTH static inline double yl__region_class_term(const yl_region_geom *g, const yl__prediction *p,
                                                   int32_t class_index)
{
    const float *probability = p->y + YL_HEAD_BOX;
    float *dx = p->dx ? p->dx + YL_HEAD_BOX : NULL;
    double loss = 0, scale = g->class_scale;
    if (g->head.softmax) return yl__class_cross_entropy(probability, g->head.classes, class_index, scale, dx);
    for (int32_t k = 0; k < g->head.classes; k++)
        loss += yl__cross_entropy(probability[k], k == class_index, scale, dx ? dx + k : NULL);
    return loss;
}

YL_BOTH static inline void yl__region_positive_terms(const yl_region_geom *g, const yl__prediction *p,
                                                     const yl__row *row, double iou, double *parts)
{
    parts[YL_PART_BOX] += yl__region_box_term(g, p, row);
    parts[YL_PART_OBJECT] +=
        yl__squared_logistic(p->y[4], g->rescore ? iou : 1, g->object_scale, p->dx ? p->dx + 4 : NULL);
    parts[YL_PART_CLASS] += yl__region_class_term(g, p, row->class_index);
    yl__head_attributes_term(&g->head, p, row, 1, parts);
}

/* What a prediction costs, added to the parts, and its gradient, added to p->dx. */
YL_BOTH static inline void yl__region_term(const yl_region_geom *g, const yl_truth *truth, const yl__prediction *p,
                                           double parts[YL_PARTS])
{
    yl__row row, assigned = {};
    double decoded[4], best = 0, assigned_iou = 0;
    bool forgiven = false, is_positive = false;
    yl_decode_region(p->y, g->anchors[2 * p->anchor], g->anchors[2 * p->anchor + 1], p->cell, decoded);
    yl_box box = yl_box_corners(decoded);
    for (int64_t t = 0; t < truth->counts[p->image]; t++) {
        if (!yl__read_row(truth, p->image, t, g->head.classes, &row)) continue;
        forgiven |= yl__forgiven(&row, box);
        if (row.kind != YL_TRUTH_OBJECT) continue;
        double iou = yl_box_iou(box, row.corners);
        best = iou > best ? iou : best;
        if (yl__in_cell(&row, p->cell) && yl__region_nearest_anchor(g, p, &row) == p->anchor)
            assigned = row, assigned_iou = iou, is_positive = true;
    }
    if (is_positive) {
        yl__region_positive_terms(g, p, &assigned, assigned_iou, parts);
        return;
    }
    if (!forgiven && !(best > g->thresh))
        parts[YL_PART_NOOBJECT] += yl__squared_logistic(p->y[4], 0, g->noobject_scale, p->dx ? p->dx + 4 : NULL);
    parts[YL_PART_BOX] += yl__region_prior_term(g, p);
}

#endif
