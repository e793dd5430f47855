/* COCO's matching per image, class, size range and overlap.
 *
 * A detection's outcome for the ten overlaps is a bit set per size range, so that one row per detection is all that is
 * kept between matching and accumulation. */
#include "eval/coco_match.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

/* Both ends belong to a range: 32 x 32 is small and medium. */
static const double area_from[YL__COCO_AREAS] = {0, 0, 1024, 9216}, area_to[YL__COCO_AREAS] = {1e10, 1024, 9216, 1e10};

static double overlap_at(int t)
{
    return t == YL__COCO_OVERLAPS - 1 ? 0.95 : 0.5 + t * ((0.95 - 0.5) / 9);
}

static yl__coco_extent extent_of(yl_box b)
{
    double w = b.x2 - b.x1, h = b.y2 - b.y1;
    return (yl__coco_extent){b.x1, b.y1, w, h, w * h};
}

/* Intersection over union; over the detection's area where the truth is a crowd. */
static double overlap(const yl__coco_extent *d, const yl__coco_extent *g, bool crowd)
{
    double w = fmin(d->x + d->w, g->x + g->w) - fmax(d->x, g->x);
    if (!(w > 0)) return 0;
    double h = fmin(d->y + d->h, g->y + g->h) - fmax(d->y, g->y);
    if (!(h > 0)) return 0;
    double inter = w * h;
    return inter / (crowd ? d->area : d->area + g->area - inter);
}

/* ---- one frame --------------------------------------------------------------------------------------------------- */

static int by_falling_score(const void *a, const void *b)
{
    const yl__coco_found *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->det > y->det) - (x->det < y->det);
}

/* Returns the number of detections before the cut. */
static int64_t put_dets(yl__coco_work *w, const yl_eval_frame *frame)
{
    int64_t n = 0;
    for (int64_t i = frame->det; i < frame->det + frame->dets; i++) {
        const yl_eval_det *d = &w->set->dets[i];
        if (w->map->of[d->name] == w->class_index) w->dets[n++] = (yl__coco_found){d->score, i, extent_of(d->box)};
    }
    qsort(w->dets, (size_t)n, sizeof *w->dets, by_falling_score);
    w->det_count = n < YL__COCO_MOST ? n : YL__COCO_MOST;
    return n;
}

static void put_truths(yl__coco_work *w, const yl_eval_frame *frame, yl_coco_row *out)
{
    w->truth_count = 0;
    for (int64_t i = frame->truth; i < frame->truth + frame->truths; i++) {
        const yl_eval_truth *t = &w->set->truths[i];
        bool own = !t->ignore && w->map->of[t->name] == w->class_index;
        bool crowd = t->ignore ? !w->drop_ignored : w->map->crowd[t->name] == w->class_index;
        if (!own && !crowd) continue;
        w->truths[w->truth_count++] = (yl__coco_truth){.box = extent_of(t->box), .crowd = !own};
        out->n_gt += own;
        out->n_crowd += !own;
    }
}

static yl_status put_overlaps(yl__coco_work *w)
{
    YL_TRY(yl__reserve(w->det_count * w->truth_count, &w->iou_capacity, sizeof *w->iou, &w->iou));
    for (int64_t d = 0; d < w->det_count; d++)
        for (int64_t g = 0; g < w->truth_count; g++)
            w->iou[d * w->truth_count + g] = overlap(&w->dets[d].box, &w->truths[g].box, w->truths[g].crowd);
    return YL_OK;
}

static bool outside(double area, int range)
{
    return area < area_from[range] || area > area_to[range];
}

/* Truths that count come first, each kind in file order. */
static void order_truths(yl__coco_work *w, int range)
{
    int64_t n = 0;
    for (int64_t g = 0; g < w->truth_count; g++) {
        w->truths[g].ignored = w->truths[g].crowd || outside(w->truths[g].box.area, range);
        if (!w->truths[g].ignored) w->order[n++] = g;
    }
    w->wanted[range] += n;
    for (int64_t g = 0; g < w->truth_count; g++)
        if (w->truths[g].ignored) w->order[n++] = g;
}

/* The free truth of the largest sufficient overlap, the later one on ties; ignored truths only where no other will do.
 */
static int64_t choose(const yl__coco_work *w, int64_t det, double least)
{
    int64_t best = -1;
    double overlap_so_far = fmin(least, 1 - 1e-10);
    for (int64_t i = 0; i < w->truth_count; i++) {
        int64_t g = w->order[i];
        const yl__coco_truth *t = &w->truths[g];
        if (t->taken && !t->crowd) continue;
        if (best >= 0 && !w->truths[best].ignored && t->ignored) break;
        if (w->iou[det * w->truth_count + g] < overlap_so_far) continue;
        overlap_so_far = w->iou[det * w->truth_count + g];
        best = g;
    }
    return best;
}

static void match(yl__coco_work *w, int range, int t, yl__coco_row *rows)
{
    uint16_t bit = (uint16_t)(1u << t);
    for (int64_t g = 0; g < w->truth_count; g++) w->truths[g].taken = false;
    for (int64_t d = 0; d < w->det_count; d++) {
        int64_t g = choose(w, d, overlap_at(t));
        if (g >= 0) {
            w->truths[g].taken = true;
            rows[d].matched[range] |= bit;
            if (w->truths[g].ignored) rows[d].ignored[range] |= bit;
        } else if (outside(w->dets[d].box.area, range)) {
            rows[d].ignored[range] |= bit;
        }
    }
}

static yl_status match_frame(yl__coco_work *w, int64_t number, yl_coco_row *out)
{
    const yl_eval_frame *frame = &w->set->frames[number];
    out->n_det += put_dets(w, frame);
    put_truths(w, frame, out);
    if (!w->det_count && !w->truth_count) return YL_OK;
    YL_TRY(put_overlaps(w));
    YL_TRY(yl__reserve(w->row_count + w->det_count, &w->row_capacity, sizeof *w->rows, &w->rows));
    yl__coco_row *rows = w->rows + w->row_count;
    for (int64_t d = 0; d < w->det_count; d++)
        rows[d] = (yl__coco_row){.score = w->dets[d].score, .order = w->row_count + d, .rank = d, .frame = number};
    for (int range = 0; range < YL__COCO_AREAS; range++) {
        order_truths(w, range);
        for (int t = 0; t < YL__COCO_OVERLAPS; t++) match(w, range, t, rows);
    }
    w->row_count += w->det_count;
    return YL_OK;
}

/* ---- one class --------------------------------------------------------------------------------------------------- */

static int rows_by_falling_score(const void *a, const void *b)
{
    const yl__coco_row *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

yl_status yl__coco_match_class(yl__coco_work *w, int64_t class_index, int32_t *wanted, yl_coco_row *out)
{
    *out = (yl_coco_row){0};
    w->class_index = class_index;
    w->row_count = 0;
    for (int range = 0; range < YL__COCO_AREAS; range++) w->wanted[range] = 0;
    for (int64_t f = 0; f < w->set->frame_count; f++) {
        int64_t before = w->wanted[0];
        YL_TRY(match_frame(w, f, out));
        if (wanted) wanted[f] = (int32_t)(w->wanted[0] - before);
    }
    if (w->row_count) qsort(w->rows, (size_t)w->row_count, sizeof *w->rows, rows_by_falling_score);
    return YL_OK;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

yl_status yl__coco_work_alloc(yl__coco_work *w)
{
    int64_t truths = 0, dets = 0;
    for (int64_t f = 0; f < w->set->frame_count; f++) {
        if (w->set->frames[f].truths > truths) truths = w->set->frames[f].truths;
        if (w->set->frames[f].dets > dets) dets = w->set->frames[f].dets;
    }
    YL_TRY(yl__alloc(dets, sizeof *w->dets, &w->dets));
    YL_TRY(yl__alloc(truths, sizeof *w->truths, &w->truths));
    YL_TRY(yl__alloc(truths, sizeof *w->order, &w->order));
    YL_TRY(yl__alloc(w->set->det_count, sizeof *w->recall, &w->recall));
    return yl__alloc(w->set->det_count, sizeof *w->precision, &w->precision);
}

void yl__coco_work_free(yl__coco_work *w)
{
    yl__free(w->dets);
    yl__free(w->truths);
    yl__free(w->order);
    yl__free(w->iou);
    yl__free(w->rows);
    yl__free(w->recall);
    yl__free(w->precision);
}
