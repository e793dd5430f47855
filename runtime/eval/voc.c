/* PASCAL VOC's average precision, class by class. */
#include "eval/voc.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

#define AT(member) YL_MEMBER(yl_voc_options, member)
static const yl_field fields[] = {
    {"iou", YL_OPTION_NUMBER, "0.5", "", "lowest overlap of a match", 0, 1, NULL, NULL, AT(iou)},
    {"plus1", YL_OPTION_BOOL, "true", "", "boxes are inclusive pixels: width = x2 - x1 + 1", 0, 0, NULL, NULL,
     AT(plus1)},
    {"compare", YL_OPTION_ENUM, "ge", "", "a match needs overlap >= iou (ge) or > iou (gt)", 0, 0, "ge|gt", NULL,
     AT(strict)},
    {"difficult", YL_OPTION_ENUM, "none", "",
     "hard: objects with occluded > 2, truncated > 0.5 or height <= 25 are optional", 0, 0, "none|hard", NULL,
     AT(difficult)},
};
const yl_field_table yl_voc_fields = YL_FIELD_TABLE("voc", fields);

/* A detection in the order of falling score. */
typedef struct ranked {
    double score;
    int64_t det, frame;
} ranked;

enum outcome { TRUE_POSITIVE, FALSE_POSITIVE, NEITHER };

static int by_falling_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->det > y->det) - (x->det < y->det); /* detections are numbered in frame order, then file order */
}

static yl_status rank(const yl_eval_set *set, const yl__class_map *map, int64_t class_index, ranked **out,
                      int64_t *count)
{
    ranked *list;
    YL_TRY(yl__alloc(set->det_count, sizeof *list, &list));
    *count = 0;
    for (int64_t f = 0; f < set->frame_count; f++)
        for (int64_t d = set->frames[f].det; d < set->frames[f].det + set->frames[f].dets; d++)
            if (map->of[set->dets[d].name] == class_index) list[(*count)++] = (ranked){set->dets[d].score, d, f};
    qsort(list, (size_t)*count, sizeof *list, by_falling_score);
    *out = list;
    return YL_OK;
}

static bool is_truth(const yl_eval_truth *t, const yl__class_map *map, int64_t class_index)
{
    return !t->ignore && map->of[t->name] == class_index;
}

static bool is_difficult(const yl_eval_truth *t)
{
    return t->occluded > 2 || t->truncated > 0.5 || yl_box_height(t->box) <= 25;
}

/* inter / (area a + area b - inter), all extents larger by `one`; 0 unless both extents of the intersection are
 * positive. */
static double overlap(yl_box a, yl_box b, double one)
{
    double w = fmin(a.x2, b.x2) - fmax(a.x1, b.x1) + one, h = fmin(a.y2, b.y2) - fmax(a.y1, b.y1) + one;
    if (!(w > 0 && h > 0)) return 0;
    double inter = w * h, area_a = (a.x2 - a.x1 + one) * (a.y2 - a.y1 + one);
    return inter / (area_a + (b.x2 - b.x1 + one) * (b.y2 - b.y1 + one) - inter);
}

/* The truth of the class with the largest overlap, the first on ties, taken or not; -1 where none overlaps. */
static int64_t best_truth(const yl_eval_set *set, const yl__class_map *map, int64_t class_index, const ranked *r,
                          double one, double *best)
{
    const yl_eval_frame *frame = &set->frames[r->frame];
    int64_t found = -1;
    *best = 0;
    for (int64_t t = frame->truth; t < frame->truth + frame->truths; t++) {
        if (!is_truth(&set->truths[t], map, class_index)) continue;
        double o = overlap(set->dets[r->det].box, set->truths[t].box, one);
        if (!(o > *best)) continue;
        *best = o;
        found = t;
    }
    return found;
}

static enum outcome match(const yl_eval_set *set, const yl__class_map *map, int64_t class_index, const ranked *r,
                          const yl_voc_options *o, bool *taken)
{
    double iou;
    int64_t t = best_truth(set, map, class_index, r, o->plus1 ? 1 : 0, &iou);
    if (t < 0 || !(o->strict ? iou > o->iou : iou >= o->iou)) return FALSE_POSITIVE;
    if (o->difficult && is_difficult(&set->truths[t])) return NEITHER;
    if (taken[t]) return FALSE_POSITIVE; /* no second choice */
    taken[t] = true;
    return TRUE_POSITIVE;
}

static yl_status alloc_curve(int64_t count, yl_pr_curve *c)
{
    *c = (yl_pr_curve){.count = count};
    YL_TRY(yl__alloc(count, sizeof(double), &c->score));
    YL_TRY(yl__alloc(count, sizeof(double), &c->precision));
    YL_TRY(yl__alloc(count, sizeof(double), &c->recall));
    return yl__alloc(count, sizeof(double), &c->f1);
}

void yl_pr_curve_free(yl_pr_curve *curve)
{
    yl__free(curve->score);
    yl__free(curve->precision);
    yl__free(curve->recall);
    yl__free(curve->f1);
    *curve = (yl_pr_curve){0};
}

static int64_t count_truths(const yl_eval_set *set, const yl__class_map *map, int64_t class_index, bool difficult)
{
    int64_t n = 0;
    for (int64_t t = 0; t < set->truth_count; t++)
        n += is_truth(&set->truths[t], map, class_index) && !(difficult && is_difficult(&set->truths[t]));
    return n;
}

static void add_point(yl_pr_curve *c, int64_t i, double score, enum outcome outcome)
{
    c->tp += outcome == TRUE_POSITIVE;
    c->fp += outcome == FALSE_POSITIVE;
    int64_t counted = c->tp + c->fp;
    c->score[i] = score;
    c->precision[i] = counted ? (double)c->tp / (double)counted : 0;
    c->recall[i] = (double)c->tp / (double)c->n_gt; /* NaN or infinite without truth */
    /* 2PR / (P + R) with P = tp / counted and R = tp / n_gt */
    c->f1[i] = counted + c->n_gt ? 2 * (double)c->tp / (double)(counted + c->n_gt) : 0;
}

/* `taken` is a byte per truth of the set, zero: it may be shared between classes, whose truths are apart. */
static yl_status make_curve(const yl_eval_set *set, const yl__class_map *map, int64_t class_index,
                            const yl_voc_options *o, bool *taken, yl_pr_curve *c)
{
    ranked *list;
    int64_t count;
    *c = (yl_pr_curve){0};
    YL_TRY(rank(set, map, class_index, &list, &count));
    yl_status status = alloc_curve(count, c);
    c->n_gt = count_truths(set, map, class_index, o->difficult);
    for (int64_t i = 0; i < count && status == YL_OK; i++)
        add_point(c, i, list[i].score, match(set, map, class_index, &list[i], o, taken));
    yl__free(list);
    return status;
}

/* Sum over t = 0, .1, ..., 1 of (the largest precision at a recall >= t) / 11. */
static double eleven_points(const yl_pr_curve *c)
{
    double sum = 0;
    for (int i = 0; i <= 10; i++) {
        double best = 0;
        for (int64_t k = c->count - 1; k >= 0 && c->recall[k] >= i / 10.0; k--) best = fmax(best, c->precision[k]);
        sum += best / 11;
    }
    return sum;
}

/* Area under the precision made falling from the right: the sum of (step of recall) * precision. */
static double area(const yl_pr_curve *c)
{
    double sum = 0, envelope = 0;
    for (int64_t k = c->count - 1; k >= 0; k--) {
        envelope = fmax(envelope, c->precision[k]);
        double before = k ? c->recall[k - 1] : 0;
        if (c->recall[k] != before) sum += (c->recall[k] - before) * envelope;
    }
    return sum;
}

static yl_voc_row row_of(const yl_pr_curve *c)
{
    yl_voc_row row = {.n_gt = c->n_gt, .n_det = c->count, .tp = c->tp, .fp = c->fp, .ap07 = NAN, .ap = NAN};
    if (!c->n_gt) return row;
    row.ap07 = eleven_points(c);
    row.ap = area(c);
    return row;
}

static yl_status all_rows(const yl_eval_set *set, const yl__class_map *map, int64_t count,
                          const yl_voc_options *options, yl_voc_row *rows)
{
    bool *taken;
    yl_status status = YL_OK;
    YL_TRY(yl__calloc(set->truth_count, sizeof *taken, &taken));
    for (int64_t i = 0; i < count && status == YL_OK; i++) {
        yl_pr_curve curve;
        status = make_curve(set, map, i, options, taken, &curve);
        if (status == YL_OK) rows[i] = row_of(&curve);
        yl_pr_curve_free(&curve);
    }
    yl__free(taken);
    return status;
}

static double mean_ap(const yl_voc_row *rows, int64_t count)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (rows[i].n_gt) {
            sum += rows[i].ap;
            n++;
        }
    return n ? sum / (double)n : NAN;
}

yl_status yl_eval_voc(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                      yl_voc_row *rows, double *map)
{
    yl__class_map names;
    yl_status status = yl__class_map_make(set, classes, &names);
    if (status == YL_OK) status = all_rows(set, &names, classes->count, options, rows);
    if (status == YL_OK) *map = mean_ap(rows, classes->count);
    yl__class_map_free(&names);
    return status;
}

yl_status yl_pr_curve_make(const yl_eval_set *set, const yl_eval_classes *classes, int64_t class_index,
                           const yl_voc_options *options, yl_pr_curve *out)
{
    yl__class_map names;
    bool *taken = NULL;
    *out = (yl_pr_curve){0};
    yl_status status = yl__class_map_make(set, classes, &names);
    if (status == YL_OK) status = yl__calloc(set->truth_count, sizeof *taken, &taken);
    if (status == YL_OK) status = make_curve(set, &names, class_index, options, taken, out);
    yl__free(taken);
    yl__class_map_free(&names);
    return status;
}

/* ---- the best working point -------------------------------------------------------------------------------------- */

typedef struct outcome_at {
    double score;
    enum outcome outcome;
} outcome_at;

static int outcomes_by_falling_score(const void *a, const void *b)
{
    const outcome_at *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

/* The outcomes of all listed classes by falling score into list[set->det_count], and their number. */
static yl_status all_outcomes(const yl_eval_set *set, const yl__class_map *map, int64_t classes,
                              const yl_voc_options *o, bool *taken, outcome_at *list, int64_t *count)
{
    *count = 0;
    for (int64_t c = 0; c < classes; c++) {
        ranked *of_class;
        int64_t n;
        YL_TRY(rank(set, map, c, &of_class, &n));
        for (int64_t i = 0; i < n; i++)
            list[(*count)++] = (outcome_at){of_class[i].score, match(set, map, c, &of_class[i], o, taken)};
        yl__free(of_class);
    }
    if (*count) qsort(list, (size_t)*count, sizeof *list, outcomes_by_falling_score);
    return YL_OK;
}

static yl_working_point best_of(const outcome_at *list, int64_t count, int64_t n_gt)
{
    yl_working_point best = {NAN, NAN, NAN, NAN};
    int64_t tp = 0, fp = 0;
    for (int64_t i = 0; i < count && n_gt; i++) {
        tp += list[i].outcome == TRUE_POSITIVE;
        fp += list[i].outcome == FALSE_POSITIVE;
        if (i + 1 < count && list[i + 1].score == list[i].score) continue; /* a threshold cannot part equal scores */
        double f1 = 2 * (double)tp / (double)(tp + fp + n_gt);
        if (best.f1 >= f1) continue;
        best =
            (yl_working_point){list[i].score, tp ? (double)tp / (double)(tp + fp) : 0, (double)tp / (double)n_gt, f1};
    }
    return best;
}

yl_status yl_voc_best_point(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                            yl_working_point *out)
{
    yl__class_map names;
    bool *taken = NULL;
    outcome_at *list = NULL;
    int64_t count = 0, n_gt = 0;
    yl_status status = yl__class_map_make(set, classes, &names);
    if (status == YL_OK) status = yl__calloc(set->truth_count, sizeof *taken, &taken);
    if (status == YL_OK) status = yl__alloc(set->det_count, sizeof *list, &list);
    if (status == YL_OK) status = all_outcomes(set, &names, classes->count, options, taken, list, &count);
    for (int64_t c = 0; c < classes->count && status == YL_OK; c++)
        n_gt += count_truths(set, &names, c, options->difficult);
    if (status == YL_OK) *out = best_of(list, count, n_gt);
    yl__free(list);
    yl__free(taken);
    yl__class_map_free(&names);
    return status;
}

/* ---- on resamples ------------------------------------------------------------------------------------------------ */

/* A detection in the order of falling score. */
typedef struct entry {
    int32_t frame;
    uint8_t outcome;
    bool tied; /* of the same frame and score as the one before: copies of the frame repeat them together */
} entry;

typedef struct part {
    entry *entries;
    int64_t count;
    int32_t *n_gt; /* of each frame */
} part;

typedef struct resampler {
    yl_resampler base;
    part *part; /* [class] */
} resampler;

static yl_status fill_part(part *p, const yl_eval_set *set, const yl__class_map *map, int64_t class_index,
                           const yl_voc_options *o, bool *taken)
{
    ranked *list;
    YL_TRY(yl__calloc(set->frame_count, sizeof *p->n_gt, &p->n_gt));
    for (int64_t f = 0; f < set->frame_count; f++)
        for (int64_t t = set->frames[f].truth; t < set->frames[f].truth + set->frames[f].truths; t++)
            p->n_gt[f] +=
                is_truth(&set->truths[t], map, class_index) && !(o->difficult && is_difficult(&set->truths[t]));
    YL_TRY(rank(set, map, class_index, &list, &p->count));
    yl_status status = yl__alloc(p->count, sizeof *p->entries, &p->entries);
    for (int64_t i = 0; i < p->count && status == YL_OK; i++) {
        bool tied = i && list[i].score == list[i - 1].score && list[i].frame == list[i - 1].frame;
        p->entries[i] = (entry){(int32_t)list[i].frame, match(set, map, class_index, &list[i], o, taken), tied};
    }
    yl__free(list);
    return status;
}

/* `area`, from the last detection on: only true positives move the recall, and only theirs can be the largest precision. */
typedef struct sweep {
    int64_t tp, fp, n_gt; /* up to the detection at hand */
    double envelope, sum;
} sweep;

static void sweep_entry(sweep *s, const entry *e)
{
    if (e->outcome == FALSE_POSITIVE) s->fp--;
    if (e->outcome != TRUE_POSITIVE) return;
    s->envelope = fmax(s->envelope, (double)s->tp / (double)(s->tp + s->fp));
    double recall = (double)s->tp / (double)s->n_gt, before = (double)(s->tp - 1) / (double)s->n_gt;
    if (recall != before) s->sum += (recall - before) * s->envelope;
    s->tp--;
}

static double part_ap(const part *p, const int32_t *weights, int64_t n_gt)
{
    sweep s = {.n_gt = n_gt};
    for (int64_t i = 0; i < p->count; i++) {
        s.tp += p->entries[i].outcome == TRUE_POSITIVE ? weights[p->entries[i].frame] : 0;
        s.fp += p->entries[i].outcome == FALSE_POSITIVE ? weights[p->entries[i].frame] : 0;
    }
    for (int64_t last = p->count, first; last > 0; last = first) {
        for (first = last - 1; p->entries[first].tied; first--) {}
        for (int32_t copies = weights[p->entries[first].frame]; copies > 0; copies--)
            for (int64_t i = last - 1; i >= first; i--) sweep_entry(&s, &p->entries[i]);
    }
    return s.sum;
}

static void compute(const yl_resampler *base, const int32_t *weights, int64_t *scratch, double *out)
{
    (void)scratch; /* it needs none */
    const resampler *r = (const resampler *)base;
    int64_t classes = base->figures - 1, with_truth = 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        int64_t n_gt = 0;
        for (int64_t f = 0; f < base->frames; f++) n_gt += (int64_t)weights[f] * r->part[c].n_gt[f];
        out[c] = n_gt ? part_ap(&r->part[c], weights, n_gt) : NAN;
        if (!n_gt) continue;
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
        yl__free(r->part[c].n_gt);
    }
    yl__free(r->part);
    yl__free(r);
}

static yl_status fill(resampler *r, const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *o)
{
    yl__class_map map;
    bool *taken = NULL;
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = yl__calloc(set->truth_count, sizeof *taken, &taken);
    if (status == YL_OK) status = yl__calloc(classes->count, sizeof *r->part, &r->part);
    for (int64_t c = 0; c < classes->count && status == YL_OK; c++)
        status = fill_part(&r->part[c], set, &map, c, o, taken);
    yl__free(taken);
    yl__class_map_free(&map);
    return status;
}

yl_status yl_voc_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_voc_options *options,
                           yl_resampler **out)
{
    resampler *r;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->base = (yl_resampler){set->frame_count, classes->count + 1, 0, compute, release};
    return yl__resampler_give(fill(r, set, classes, options), &r->base, out);
}
