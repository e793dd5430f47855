/* COCO's box protocol: matching per image, class, size range and overlap, then precision at 101 recalls.
 *
 * A detection's outcome for the ten overlaps is a bit set per size range, so that one row per detection is all that is
 * kept between matching and accumulation. */
#include "eval/coco.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

enum { AREAS = 4, OVERLAPS = 10, RECALLS = 101, MOST = 100 };

/* Both ends belong to a range: 32 x 32 is small and medium. */
static const double area_from[AREAS] = {0, 0, 1024, 9216}, area_to[AREAS] = {1e10, 1024, 9216, 1e10};

/* pycocotools' form of a box. */
typedef struct extent {
    double x, y, w, h, area;
} extent;

typedef struct truth {
    extent box;
    bool crowd, taken, ignored; /* taken and ignored: in the matching at hand */
} truth;

typedef struct row {
    double score;
    int64_t order; /* frames in order, and by falling score within a frame */
    int64_t rank;  /* in its frame, 0-based */
    int64_t frame;
    uint16_t matched[AREAS], ignored[AREAS]; /* bit t: at overlap t */
} row;

typedef struct found {
    double score;
    int64_t det;
    extent box;
} found;

/* The frame and class at hand, and the class's rows so far. */
typedef struct work {
    const yl_eval_set *set;
    const yl__class_map *map;
    bool drop_ignored;
    int64_t class_index;
    found *dets;
    truth *truths;
    int64_t *order; /* of the truths: those that count first */
    double *iou;    /* [det][truth] */
    int64_t iou_capacity, det_count, truth_count;
    row *rows;
    int64_t row_count, row_capacity, wanted[AREAS]; /* wanted: truths that count */
    double *recall, *precision;                     /* of the kept rows */
} work;

static double overlap_at(int t)
{
    return t == OVERLAPS - 1 ? 0.95 : 0.5 + t * ((0.95 - 0.5) / 9);
}

static double recall_at(int i)
{
    return i == RECALLS - 1 ? 1.0 : i * 0.01; /* not i / 100: ten of them differ in the last bit */
}

static extent extent_of(yl_box b)
{
    double w = b.x2 - b.x1, h = b.y2 - b.y1;
    return (extent){b.x1, b.y1, w, h, w * h};
}

/* Intersection over union; over the detection's area where the truth is a crowd. */
static double overlap(const extent *d, const extent *g, bool crowd)
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
    const found *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->det > y->det) - (x->det < y->det);
}

/* Returns the number of detections before the cut. */
static int64_t put_dets(work *w, const yl_eval_frame *frame)
{
    int64_t n = 0;
    for (int64_t i = frame->det; i < frame->det + frame->dets; i++) {
        const yl_eval_det *d = &w->set->dets[i];
        if (w->map->of[d->name] == w->class_index) w->dets[n++] = (found){d->score, i, extent_of(d->box)};
    }
    qsort(w->dets, (size_t)n, sizeof *w->dets, by_falling_score);
    w->det_count = n < MOST ? n : MOST;
    return n;
}

static void put_truths(work *w, const yl_eval_frame *frame, yl_coco_row *out)
{
    w->truth_count = 0;
    for (int64_t i = frame->truth; i < frame->truth + frame->truths; i++) {
        const yl_eval_truth *t = &w->set->truths[i];
        bool own = !t->ignore && w->map->of[t->name] == w->class_index;
        bool crowd = t->ignore ? !w->drop_ignored : w->map->crowd[t->name] == w->class_index;
        if (!own && !crowd) continue;
        w->truths[w->truth_count++] = (truth){.box = extent_of(t->box), .crowd = !own};
        out->n_gt += own;
        out->n_crowd += !own;
    }
}

static yl_status put_overlaps(work *w)
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
static void order_truths(work *w, int range)
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
static int64_t choose(const work *w, int64_t det, double least)
{
    int64_t best = -1;
    double overlap_so_far = fmin(least, 1 - 1e-10);
    for (int64_t i = 0; i < w->truth_count; i++) {
        int64_t g = w->order[i];
        const truth *t = &w->truths[g];
        if (t->taken && !t->crowd) continue;
        if (best >= 0 && !w->truths[best].ignored && t->ignored) break;
        if (w->iou[det * w->truth_count + g] < overlap_so_far) continue;
        overlap_so_far = w->iou[det * w->truth_count + g];
        best = g;
    }
    return best;
}

static void match(work *w, int range, int t, row *rows)
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

static yl_status match_frame(work *w, int64_t number, yl_coco_row *out)
{
    const yl_eval_frame *frame = &w->set->frames[number];
    out->n_det += put_dets(w, frame);
    put_truths(w, frame, out);
    if (!w->det_count && !w->truth_count) return YL_OK;
    YL_TRY(put_overlaps(w));
    YL_TRY(yl__reserve(w->row_count + w->det_count, &w->row_capacity, sizeof *w->rows, &w->rows));
    row *rows = w->rows + w->row_count;
    for (int64_t d = 0; d < w->det_count; d++)
        rows[d] = (row){.score = w->dets[d].score, .order = w->row_count + d, .rank = d, .frame = number};
    for (int range = 0; range < AREAS; range++) {
        order_truths(w, range);
        for (int t = 0; t < OVERLAPS; t++) match(w, range, t, rows);
    }
    w->row_count += w->det_count;
    return YL_OK;
}

/* ---- one class --------------------------------------------------------------------------------------------------- */

static int rows_by_falling_score(const void *a, const void *b)
{
    const row *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Recall and precision after each detection that counts; returns their number. */
static int64_t trace(work *w, int range, int t, int64_t most)
{
    double tp = 0, fp = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < w->row_count; i++) {
        const row *r = &w->rows[i];
        if (r->rank >= most || (r->ignored[range] >> t & 1)) continue;
        if (r->matched[range] >> t & 1)
            tp++;
        else
            fp++;
        w->recall[n] = tp / (double)w->wanted[range];
        w->precision[n++] = tp / (tp + fp + 2.220446049250313e-16);
    }
    return n;
}

/* Mean over the recall points of the precision, made falling from the right, at the first detection that reaches the
 * point. */
static double mean_precision(work *w, int64_t n)
{
    double sum = 0;
    for (int64_t i = n - 2; i >= 0; i--) w->precision[i] = fmax(w->precision[i], w->precision[i + 1]);
    int64_t at = 0;
    for (int i = 0; i < RECALLS; i++) {
        while (at < n && w->recall[at] < recall_at(i)) at++;
        if (at < n) sum += w->precision[at];
    }
    return sum / RECALLS;
}

typedef struct figures {
    double ap, ap50, ap75, ar;
} figures;

static figures accumulate(work *w, int range, int64_t most)
{
    figures f = {-1, -1, -1, -1};
    double ap[OVERLAPS], ap_sum = 0, ar_sum = 0;
    if (!w->wanted[range]) return f;
    for (int t = 0; t < OVERLAPS; t++) {
        int64_t n = trace(w, range, t, most);
        ar_sum += n ? w->recall[n - 1] : 0;
        ap[t] = mean_precision(w, n);
        ap_sum += ap[t];
    }
    return (figures){ap_sum / OVERLAPS, ap[0], ap[5], ar_sum / OVERLAPS};
}

static void summarize(work *w, yl_coco_row *out)
{
    figures all = accumulate(w, 0, MOST), small = accumulate(w, 1, MOST), medium = accumulate(w, 2, MOST),
            large = accumulate(w, 3, MOST);
    out->ap = all.ap;
    out->ap50 = all.ap50;
    out->ap75 = all.ap75;
    out->ap_small = small.ap;
    out->ap_medium = medium.ap;
    out->ap_large = large.ap;
    out->ar1 = accumulate(w, 0, 1).ar;
    out->ar10 = accumulate(w, 0, 10).ar;
    out->ar100 = all.ar;
    out->ar_small = small.ar;
    out->ar_medium = medium.ar;
    out->ar_large = large.ar;
}

/* Matches the class in all frames. wanted: of each frame the truths that count; may be NULL. */
static yl_status match_class(work *w, int64_t class_index, int32_t *wanted, yl_coco_row *out)
{
    *out = (yl_coco_row){0};
    w->class_index = class_index;
    w->row_count = 0;
    for (int range = 0; range < AREAS; range++) w->wanted[range] = 0;
    for (int64_t f = 0; f < w->set->frame_count; f++) {
        int64_t before = w->wanted[0];
        YL_TRY(match_frame(w, f, out));
        if (wanted) wanted[f] = (int32_t)(w->wanted[0] - before);
    }
    if (w->row_count) qsort(w->rows, (size_t)w->row_count, sizeof *w->rows, rows_by_falling_score);
    return YL_OK;
}

static yl_status evaluate_class(work *w, int64_t class_index, yl_coco_row *out)
{
    YL_TRY(match_class(w, class_index, NULL, out));
    summarize(w, out);
    return YL_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static double mean(const yl_coco_row *rows, int64_t count, size_t offset)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        double value = *(const double *)((const char *)&rows[i] + offset);
        if (value < 0) continue;
        sum += value;
        n++;
    }
    return n ? sum / (double)n : -1;
}

static void average(const yl_coco_row *rows, int64_t count, yl_coco_row *all)
{
    enum { FIGURES = offsetof(yl_coco_row, n_gt) / sizeof(double) };
    *all = (yl_coco_row){0};
    for (size_t i = 0; i < FIGURES; i++)
        *(double *)((char *)all + i * sizeof(double)) = mean(rows, count, i * sizeof(double));
    for (int64_t i = 0; i < count; i++) {
        all->n_gt += rows[i].n_gt;
        all->n_crowd += rows[i].n_crowd;
        all->n_det += rows[i].n_det;
    }
}

static yl_status make_work(work *w)
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

static void free_work(work *w)
{
    yl__free(w->dets);
    yl__free(w->truths);
    yl__free(w->order);
    yl__free(w->iou);
    yl__free(w->rows);
    yl__free(w->recall);
    yl__free(w->precision);
}

yl_status yl_eval_coco(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                       yl_coco_row *rows, yl_coco_row *all)
{
    yl__class_map map;
    work w = {.set = set, .map = &map, .drop_ignored = options->drop_ignored};
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = make_work(&w);
    for (int64_t i = 0; i < classes->count && status == YL_OK; i++) status = evaluate_class(&w, i, &rows[i]);
    if (status == YL_OK) average(rows, classes->count, all);
    free_work(&w);
    yl__class_map_free(&map);
    return status;
}

/* ---- on resamples ------------------------------------------------------------------------------------------------ */

/* A detection in the order of falling score, over all sizes. */
typedef struct entry {
    int32_t frame;
    uint16_t matched, ignored; /* bit t: at overlap t */
    bool tied; /* of the same frame and score as the one before: copies of the frame repeat them together */
} entry;

typedef struct part {
    entry *entries;
    int64_t count;
    int32_t *wanted; /* of each frame */
} part;

typedef struct resampler {
    yl_resampler base;
    part *part; /* [class] */
} resampler;

static yl_status fill_part(part *p, work *w, int64_t class_index)
{
    yl_coco_row unused;
    YL_TRY(yl__calloc(w->set->frame_count, sizeof *p->wanted, &p->wanted));
    YL_TRY(match_class(w, class_index, p->wanted, &unused));
    YL_TRY(yl__alloc(w->row_count, sizeof *p->entries, &p->entries));
    p->count = w->row_count;
    for (int64_t i = 0; i < p->count; i++) {
        const row *r = &w->rows[i];
        bool tied = i && r->score == r[-1].score && r->frame == r[-1].frame;
        p->entries[i] = (entry){(int32_t)r->frame, r->matched[0], r->ignored[0], tied};
    }
    return YL_OK;
}

/* `trace` and `mean_precision`, from the last detection on: only true positives move the recall, and only theirs can be the largest
 * precision. */
typedef struct sweep {
    int64_t tp, fp; /* up to the detection at hand */
    double wanted, envelope, at[RECALLS];
    int point; /* the highest recall point that is left */
} sweep;

static void sweep_entry(sweep *s, const entry *e, int t)
{
    if (e->ignored >> t & 1) return;
    if (!(e->matched >> t & 1)) {
        s->fp--;
        return;
    }
    s->envelope = fmax(s->envelope, (double)s->tp / ((double)s->tp + (double)s->fp + 2.220446049250313e-16));
    s->tp--;
    while (s->point > 0 && recall_at(s->point) > (double)s->tp / s->wanted) s->at[s->point--] = s->envelope;
}

static double part_ap_at(const part *p, const int32_t *weights, int64_t wanted, int t)
{
    sweep s = {.wanted = (double)wanted, .point = RECALLS - 1};
    double sum = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const entry *e = &p->entries[i];
        if (e->ignored >> t & 1) continue;
        *(e->matched >> t & 1 ? &s.tp : &s.fp) += weights[e->frame];
    }
    while (s.point > 0 && recall_at(s.point) > (double)s.tp / s.wanted) s.point--;
    for (int64_t last = p->count, first; last > 0; last = first) {
        for (first = last - 1; p->entries[first].tied; first--) {}
        for (int32_t copies = weights[p->entries[first].frame]; copies > 0; copies--)
            for (int64_t i = last - 1; i >= first; i--) sweep_entry(&s, &p->entries[i], t);
    }
    s.at[0] = s.envelope;
    for (int i = 0; i < RECALLS; i++) sum += s.at[i];
    return sum / RECALLS;
}

static void compute(const yl_resampler *base, const int32_t *weights, double *out)
{
    const resampler *r = (const resampler *)base;
    int64_t classes = base->figures - 1, with_truth = 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        int64_t wanted = 0;
        double ap = 0;
        for (int64_t f = 0; f < base->frames; f++) wanted += (int64_t)weights[f] * r->part[c].wanted[f];
        for (int t = 0; t < OVERLAPS && wanted; t++) ap += part_ap_at(&r->part[c], weights, wanted, t);
        out[c] = wanted ? ap / OVERLAPS : NAN;
        if (!wanted) continue;
        sum += out[c];
        with_truth++;
    }
    out[classes] = with_truth ? sum / (double)with_truth : NAN;
}

static void release(yl_resampler *base)
{
    resampler *r = (resampler *)base;
    for (int64_t c = 0; r->part && c < base->figures - 1; c++) {
        yl__free(r->part[c].entries);
        yl__free(r->part[c].wanted);
    }
    yl__free(r->part);
    yl__free(r);
}

static yl_status fill(resampler *r, const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *o)
{
    yl__class_map map;
    work w = {.set = set, .map = &map, .drop_ignored = o->drop_ignored};
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = make_work(&w);
    if (status == YL_OK) status = yl__calloc(classes->count, sizeof *r->part, &r->part);
    for (int64_t c = 0; c < classes->count && status == YL_OK; c++) status = fill_part(&r->part[c], &w, c);
    free_work(&w);
    yl__class_map_free(&map);
    return status;
}

yl_status yl_coco_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                            yl_resampler **out)
{
    resampler *r;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->base = (yl_resampler){set->frame_count, classes->count + 1, compute, release};
    yl_status status = fill(r, set, classes, options);
    if (status == YL_OK)
        *out = &r->base;
    else
        release(&r->base);
    return status;
}
