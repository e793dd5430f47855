/* COCO's box protocol: precision at 101 recalls out of what was matched; and the same on resamples of the frames. */
#include "eval/coco.h"
#include "core/memory.h"
#include "eval/coco_match.h"

#include <math.h>

enum { RECALLS = 101 };

static double recall_at(int i)
{
    return i == RECALLS - 1 ? 1.0 : i * 0.01; /* not i / 100: ten of them differ in the last bit */
}

/* ---- one class --------------------------------------------------------------------------------------------------- */

/* Recall and precision after each detection that counts; returns their number. */
static int64_t trace(yl__coco_work *w, int range, int t, int64_t most)
{
    double tp = 0, fp = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < w->row_count; i++) {
        const yl__coco_row *r = &w->rows[i];
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
static double mean_precision(yl__coco_work *w, int64_t n)
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

static figures accumulate(yl__coco_work *w, int range, int64_t most)
{
    figures f = {-1, -1, -1, -1};
    double ap[YL__COCO_OVERLAPS], ap_sum = 0, ar_sum = 0;
    if (!w->wanted[range]) return f;
    for (int t = 0; t < YL__COCO_OVERLAPS; t++) {
        int64_t n = trace(w, range, t, most);
        ar_sum += n ? w->recall[n - 1] : 0;
        ap[t] = mean_precision(w, n);
        ap_sum += ap[t];
    }
    return (figures){ap_sum / YL__COCO_OVERLAPS, ap[0], ap[5], ar_sum / YL__COCO_OVERLAPS};
}

static void summarize(yl__coco_work *w, yl_coco_row *out)
{
    figures all = accumulate(w, 0, YL__COCO_MOST), small = accumulate(w, 1, YL__COCO_MOST),
            medium = accumulate(w, 2, YL__COCO_MOST), large = accumulate(w, 3, YL__COCO_MOST);
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

static yl_status evaluate_class(yl__coco_work *w, int64_t class_index, yl_coco_row *out)
{
    YL_TRY(yl__coco_match_class(w, class_index, NULL, out));
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

yl_status yl_eval_coco(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                       yl_coco_row *rows, yl_coco_row *all)
{
    yl__class_map map;
    yl__coco_work w = {.set = set, .map = &map, .drop_ignored = options->drop_ignored};
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = yl__coco_work_alloc(&w);
    for (int64_t i = 0; i < classes->count && status == YL_OK; i++) status = evaluate_class(&w, i, &rows[i]);
    if (status == YL_OK) average(rows, classes->count, all);
    yl__coco_work_free(&w);
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

/* Most detections match nothing at any overlap. Those are kept apart (`plain`), since all that counts of them is how many lie between two
 * other ones. */
typedef struct part {
    entry *entries;
    int32_t *plain;        /* their frames, by falling score */
    int64_t *plain_before; /* of each entry: how many plain ones come before it */
    int64_t count, plain_count;
    int32_t *wanted; /* of each frame */
} part;

typedef struct resampler {
    yl_resampler base;
    part *part; /* [class] */
} resampler;

static bool same_place(const yl__coco_row *a, const yl__coco_row *b)
{
    return a->score == b->score && a->frame == b->frame;
}

/* Adds the rows first..last-1, which have one frame and score. */
static void add_rows(part *p, const yl__coco_row *rows, int64_t first, int64_t last)
{
    bool plain = true;
    for (int64_t i = first; i < last; i++) plain = plain && !(rows[i].matched[0] | rows[i].ignored[0]);
    for (int64_t i = first; i < last; i++) {
        if (plain) {
            p->plain[p->plain_count++] = (int32_t)rows[i].frame;
            continue;
        }
        p->plain_before[p->count] = p->plain_count;
        p->entries[p->count++] = (entry){(int32_t)rows[i].frame, rows[i].matched[0], rows[i].ignored[0], i > first};
    }
}

static yl_status fill_part(part *p, yl__coco_work *w, int64_t class_index)
{
    yl_coco_row unused;
    YL_TRY(yl__calloc(w->set->frame_count, sizeof *p->wanted, &p->wanted));
    YL_TRY(yl__coco_match_class(w, class_index, p->wanted, &unused));
    YL_TRY(yl__alloc(w->row_count, sizeof *p->entries, &p->entries));
    YL_TRY(yl__alloc(w->row_count, sizeof *p->plain, &p->plain));
    YL_TRY(yl__alloc(w->row_count, sizeof *p->plain_before, &p->plain_before));
    for (int64_t first = 0, last; first < w->row_count; first = last) {
        for (last = first + 1; last < w->row_count && same_place(&w->rows[first], &w->rows[last]); last++) {}
        add_rows(p, w->rows, first, last);
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

/* gaps: of each entry the weight of the plain detections right before it. */
static double part_ap_at(const part *p, const int32_t *weights, const int64_t *gaps, int64_t wanted, int t)
{
    sweep s = {.wanted = (double)wanted, .point = RECALLS - 1};
    double sum = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const entry *e = &p->entries[i];
        s.fp += gaps[i];
        if (e->ignored >> t & 1) continue;
        *(e->matched >> t & 1 ? &s.tp : &s.fp) += weights[e->frame];
    }
    while (s.point > 0 && recall_at(s.point) > (double)s.tp / s.wanted) s.point--;
    for (int64_t last = p->count, first; last > 0; last = first) {
        for (first = last - 1; p->entries[first].tied; first--) {}
        for (int32_t copies = weights[p->entries[first].frame]; copies > 0; copies--)
            for (int64_t i = last - 1; i >= first; i--) sweep_entry(&s, &p->entries[i], t);
        s.fp -= gaps[first];
    }
    s.at[0] = s.envelope;
    for (int i = 0; i < RECALLS; i++) sum += s.at[i];
    return sum / RECALLS;
}

static double part_ap(const part *p, const int32_t *weights, int64_t *gaps, int64_t wanted)
{
    double sum = 0;
    int64_t at = 0;
    for (int64_t i = 0; i < p->count; i++)
        for (gaps[i] = 0; at < p->plain_before[i]; at++) gaps[i] += weights[p->plain[at]];
    for (int t = 0; t < YL__COCO_OVERLAPS; t++) sum += part_ap_at(p, weights, gaps, wanted, t);
    return sum / YL__COCO_OVERLAPS;
}

static void compute(const yl_resampler *base, const int32_t *weights, int64_t *scratch, double *out)
{
    const resampler *r = (const resampler *)base;
    int64_t classes = base->figures - 1, with_truth = 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        int64_t wanted = 0;
        for (int64_t f = 0; f < base->frames; f++) wanted += (int64_t)weights[f] * r->part[c].wanted[f];
        out[c] = wanted ? part_ap(&r->part[c], weights, scratch, wanted) : NAN;
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
        yl__free(r->part[c].plain);
        yl__free(r->part[c].plain_before);
        yl__free(r->part[c].wanted);
    }
    yl__free(r->part);
    yl__free(r);
}

static yl_status fill(resampler *r, const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *o)
{
    yl__class_map map;
    yl__coco_work w = {.set = set, .map = &map, .drop_ignored = o->drop_ignored};
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = yl__coco_work_alloc(&w);
    if (status == YL_OK) status = yl__calloc(classes->count, sizeof *r->part, &r->part);
    for (int64_t c = 0; c < classes->count && status == YL_OK; c++) {
        status = fill_part(&r->part[c], &w, c);
        if (r->part[c].count > r->base.scratch) r->base.scratch = r->part[c].count;
    }
    yl__coco_work_free(&w);
    yl__class_map_free(&map);
    return status;
}

yl_status yl_coco_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_coco_options *options,
                            yl_resampler **out)
{
    resampler *r;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->base = (yl_resampler){set->frame_count, classes->count + 1, 0, compute, release};
    return yl__resampler_give(fill(r, set, classes, options), &r->base, out);
}
