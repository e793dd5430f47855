/* The loss of yolo.h, for one prediction. */
#ifndef YL_KERNELS_YOLO_FORMULAS_H
#define YL_KERNELS_YOLO_FORMULAS_H

#include "kernels/yolo.h"
#include "kernels/head.formulas.h"
#include "kernels/similarity.h"

/* The loss of one output and its target: CE, or with new_coords (p is the head's own input) half the square. */
YL_BOTH static inline double yl__yolo_output_loss(const yl_yolo_geom *g, float p, double target, double scale,
                                                  float *dx)
{
    return g->head.new_coords ? yl__squared(p, target, scale, dx) : yl__cross_entropy(p, target, scale, dx);
}

/* Whether the object is assigned to this prediction by the shape of its anchor. */
YL_BOTH static inline bool yl__yolo_shape_matches(const yl_yolo_geom *g, const yl__prediction *p, const yl__row *row)
{
    if (!yl__in_cell(row, p->cell)) return false;
    double best = 0, w = row->box[2] * g->net_w, h = row->box[3] * g->net_h;
    int32_t nearest = 0, own = g->mask[p->anchor];
    for (int32_t a = 0; a < g->total; a++) {
        double iou = yl__shape_iou(g->anchors[2 * a], g->anchors[2 * a + 1], w, h);
        if (iou > best) best = iou, nearest = a;
    }
    return nearest == own ||
           (g->iou_thresh < 1 && yl__shape_iou(g->anchors[2 * own], g->anchors[2 * own + 1], w, h) > g->iou_thresh);
}

/* How the truth of an image bears on one prediction. */
typedef struct yl__yolo_assignment {
    double box[4], best;
    int64_t near;    /* row of the object with IoU `best`; -1: none */
    int64_t objects; /* assigned by shape */
    bool forgiven;
} yl__yolo_assignment;

YL_BOTH static inline yl__yolo_assignment yl__yolo_assign(const yl_yolo_geom *g, const yl_truth *truth,
                                                          const yl__prediction *p)
{
    yl__yolo_assignment v = {};
    yl__row row;
    const float *anchor = g->anchors + 2 * g->mask[p->anchor];
    v.near = -1;
    yl_decode_yolo(p->y, anchor[0], anchor[1], g->net_w, g->net_h, g->scale_x_y, g->head.new_coords, p->cell, v.box);
    yl_box box = yl_box_corners(v.box);
    for (int64_t t = 0; t < truth->counts[p->image]; t++) {
        if (!yl__read_row(truth, p->image, t, g->head.classes, &row)) continue;
        v.forgiven |= yl__forgiven(&row, box);
        if (row.kind != YL_TRUTH_OBJECT) continue;
        double iou = yl_box_iou(box, row.corners);
        if (iou > v.best) v.best = iou, v.near = t;
        v.objects += yl__yolo_shape_matches(g, p, &row);
    }
    if (g->truth_thresh >= 1 || !(v.best > g->truth_thresh)) v.near = -1; /* below: assigned as well */
    return v;
}

/* Reads row t of the truth; false where it is not assigned to the prediction. */
YL_BOTH static inline bool yl__yolo_assigned(const yl_yolo_geom *g, const yl_truth *truth, const yl__prediction *p,
                                             const yl__yolo_assignment *v, int64_t t, yl__row *row)
{
    return yl__read_row(truth, p->image, t, g->head.classes, row) && row->kind == YL_TRUTH_OBJECT &&
           (t == v->near || yl__yolo_shape_matches(g, p, row));
}

/* Whether an assigned object before row t is of that class. */
YL_BOTH static inline bool yl__yolo_class_taken(const yl_yolo_geom *g, const yl_truth *truth, const yl__prediction *p,
                                                const yl__yolo_assignment *v, int64_t t, int32_t class_index)
{
    yl__row row;
    for (int64_t i = 0; i < t; i++)
        if (yl__yolo_assigned(g, truth, p, v, i, &row) && row.class_index == class_index) return true;
    return false;
}

/* The classes' term; *distinct: number of different classes among the assigned objects. */
YL_BOTH static inline double yl__yolo_class_term(const yl_yolo_geom *g, const yl_truth *truth, const yl__prediction *p,
                                                 const yl__yolo_assignment *v, int *distinct)
{
    const float *s = p->y + YL_HEAD_BOX;
    float *dx = p->dx ? p->dx + YL_HEAD_BOX : NULL;
    double scale = g->cls_normalizer, low = 0.5 * g->label_smooth, high = 1 - low, loss = 0;
    yl__row row;
    for (int32_t k = 0; k < g->head.classes; k++) loss += yl__yolo_output_loss(g, s[k], low, scale, dx ? dx + k : NULL);
    for (int64_t t = 0; t < truth->counts[p->image]; t++) {
        if (!yl__yolo_assigned(g, truth, p, v, t, &row) || yl__yolo_class_taken(g, truth, p, v, t, row.class_index))
            continue;
        int32_t k = row.class_index;
        loss += yl__yolo_output_loss(g, s[k], high, scale, NULL) - yl__yolo_output_loss(g, s[k], low, scale, NULL);
        yl__add_gradient(dx ? dx + k : NULL, scale * (low - high));
        ++*distinct;
    }
    return loss;
}

YL_BOTH static inline double yl__yolo_mse_term(const yl_yolo_geom *g, const yl__prediction *p, const yl__row *row,
                                               double weight)
{
    const float *anchor = g->anchors + 2 * g->mask[p->anchor];
    double s = g->scale_x_y, scale = weight * (2 - row->box[2] * row->box[3]);
    double u[2] = {row->box[0] * (double)p->cell.cols - (double)p->cell.col,
                   row->box[1] * (double)p->cell.rows - (double)p->cell.row};
    double size[2] = {row->box[2] * g->net_w / anchor[0], row->box[3] * g->net_h / anchor[1]}, loss = 0;
    for (int i = 0; i < 2; i++) {
        float *dx = p->dx ? p->dx + i : NULL;
        loss += yl__yolo_output_loss(g, p->y[i], (u[i] + (s - 1) / 2) / s, scale * s, dx);
        loss +=
            yl__squared(p->y[2 + i], g->head.new_coords ? sqrt(size[i]) / 2 : log(size[i]), scale, dx ? dx + 2 : NULL);
    }
    return loss;
}

/* d box / d x of entry i, or what Darknet takes for it. */
YL_BOTH static inline double yl__yolo_slope(const yl_yolo_geom *g, const yl__prediction *p,
                                            const yl__yolo_assignment *v, int i)
{
    double y = p->y[i];
    if (i < 2) {
        double cells = (double)(i ? p->cell.rows : p->cell.cols);
        return g->loose_chain ? 1 : g->scale_x_y / cells * (g->head.new_coords ? 1 : y * (1 - y));
    }
    double anchor = g->anchors[2 * g->mask[p->anchor] + i - 2] / (i == 2 ? g->net_w : g->net_h);
    if (g->head.new_coords) return g->loose_chain ? 1 : fabs(y) > 1e4 ? 0 : 8 * y * anchor;
    return fabs(y) > YL_DECODE_LIMIT ? 0 : g->loose_chain ? yl__decode_exp(y) : v->box[i];
}

YL_BOTH static inline double yl__yolo_similarity_term(const yl_yolo_geom *g, const yl__prediction *p,
                                                      const yl__yolo_assignment *v, const yl__row *row, double weight)
{
    double d[4], loss = weight * (1 - yl__similarity(g->iou_loss, v->box, row->box, d));
    for (int i = 0; i < 4; i++) yl__add_gradient(p->dx ? p->dx + i : NULL, -weight * d[i] * yl__yolo_slope(g, p, v, i));
    return loss;
}

YL_BOTH static inline void yl__yolo_positive_terms(const yl_yolo_geom *g, const yl_truth *truth,
                                                   const yl__prediction *p, const yl__yolo_assignment *v, double *parts)
{
    int distinct = 0;
    yl__row row;
    parts[YL_PART_OBJECT] +=
        yl__yolo_output_loss(g, p->y[4], g->rescore ? v->best : 1, g->obj_normalizer, p->dx ? p->dx + 4 : NULL);
    parts[YL_PART_CLASS] += yl__yolo_class_term(g, truth, p, v, &distinct);
    double weight = g->iou_thresh < 1 ? (double)g->iou_normalizer / distinct : g->iou_normalizer;
    for (int64_t t = 0; t < truth->counts[p->image]; t++) {
        if (!yl__yolo_assigned(g, truth, p, v, t, &row)) continue;
        parts[YL_PART_BOX] += g->iou_loss == YL_IOU_LOSS_mse ? yl__yolo_mse_term(g, p, &row, weight)
                                                             : yl__yolo_similarity_term(g, p, v, &row, weight);
        yl__head_attributes_term(&g->head, p, &row, g->iou_thresh < 1 ? 1.0 / distinct : 1, parts);
    }
}

YL_BOTH static inline bool yl__yolo_sure_of_a_class(const yl_yolo_geom *g, const float *s)
{
    for (int32_t k = 0; k < g->head.classes; k++)
        if (s[k] > 0.25f) return true;
    return false;
}

/* What a prediction costs, added to the parts, and its gradient, added to p->dx. */
YL_BOTH static inline void yl__yolo_term(const yl_yolo_geom *g, const yl_truth *truth, const yl__prediction *p,
                                         double parts[YL_PARTS])
{
    yl__yolo_assignment v = yl__yolo_assign(g, truth, p);
    if (v.objects || v.near >= 0) {
        yl__yolo_positive_terms(g, truth, p, &v, parts);
        return;
    }
    if (v.forgiven || (v.best > g->ignore_thresh && yl__yolo_sure_of_a_class(g, p->y + YL_HEAD_BOX))) return;
    parts[YL_PART_NOOBJECT] += yl__yolo_output_loss(g, p->y[4], 0, g->obj_normalizer, p->dx ? p->dx + 4 : NULL);
}

#endif
