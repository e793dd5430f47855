/* KITTI's 2D object protocol: thresholds, counts at them, and the curve; and the same on resamples of the frames. */
#include "eval/kitti.h"
#include "core/memory.h"
#include "eval/kitti_match.h"

#include <math.h>
#include <stdlib.h>

const char *const yl_kitti_class_names[YL_KITTI_CLASSES] = {"Car", "Pedestrian", "Cyclist"};
const char *const yl_kitti_level_names[YL_KITTI_LEVELS] = {"easy", "moderate", "hard"};

enum { MODERATE = 1 };

/* ---- thresholds and counts --------------------------------------------------------------------------------------- */

/* Those of the hits' falling scores whose recall comes next to 0, 1/40, 2/40, ... The step is accumulated, as in the kit. weights: how
 * often each frame counts; NULL: once. */
static int64_t pick_thresholds(const yl__kitti_hit *hits, int64_t hit_count, const int32_t *weights, int64_t n_gt,
                               double out[YL_KITTI_POINTS])
{
    int64_t count = 0, n = 0, i = 0;
    double current = 0;
    for (int64_t h = 0; h < hit_count; h++) n += weights ? weights[hits[h].frame] : 1;
    for (int64_t h = 0; h < hit_count; h++)
        for (int32_t copies = weights ? weights[hits[h].frame] : 1; copies > 0 && count < YL_KITTI_POINTS;
             copies--, i++) {
            bool last = i == n - 1;
            double left = (double)(i + 1) / (double)n_gt, right = last ? left : (double)(i + 2) / (double)n_gt;
            if (!last && right - current < current - left) continue;
            out[count++] = hits[h].score;
            current += 1.0 / (YL_KITTI_POINTS - 1.0);
        }
    return count;
}

/* How many candidates have that score or more. */
static int64_t candidates_from(const yl__kitti_matcher *m, double threshold)
{
    int64_t low = 0, high = m->candidates;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (m->candidate[middle].score >= threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void next_frame(yl__kitti_tally *n, int64_t frame)
{
    n->similarity += n->frame_similarity; /* the kit sums within a frame, then over frames */
    n->frame_similarity = 0;
    n->frame = frame;
}

static void count_at(yl__kitti_matcher *m, yl_kitti_curve *c, int64_t k)
{
    yl__kitti_tally n = {.frame = -1};
    m->matching++;
    for (int64_t i = 0; i < m->target_count; i++) {
        if (m->targets[i].frame != n.frame) next_frame(&n, m->targets[i].frame);
        yl__kitti_match(m, &m->targets[i], c->thresholds[k], &n);
    }
    next_frame(&n, -1);
    c->tp[k] = n.tp;
    c->fn[k] = n.fn;
    c->fp[k] = candidates_from(m, c->thresholds[k]) - n.cleared;
    c->precision[k] = (double)n.tp / (double)(n.tp + c->fp[k]);
    c->aos[k] = n.similarity / (double)(n.tp + c->fp[k]);
}

/* ---- the curve --------------------------------------------------------------------------------------------------- */

/* p[k] = max over j >= k of p[j] for the first `count` slots; a NaN stays in its own slot and is passed over by others.
 */
static void make_monotone(double p[YL_KITTI_POINTS], int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        for (int64_t j = k + 1; j < YL_KITTI_POINTS; j++)
            if (p[k] < p[j]) p[k] = p[j];
}

static double mean_of(const double p[YL_KITTI_POINTS], int first, int step)
{
    double sum = 0;
    int n = 0;
    for (int k = first; k < YL_KITTI_POINTS; k += step, n++) sum += p[k];
    return sum / n;
}

static void finish(yl_kitti_curve *c, bool aos)
{
    make_monotone(c->precision, c->count);
    make_monotone(c->aos, c->count);
    c->ap_r11 = mean_of(c->precision, 0, 4);
    c->ap_r40 = mean_of(c->precision, 1, 1);
    c->aos_r11 = aos ? mean_of(c->aos, 0, 4) : NAN;
    c->aos_r40 = aos ? mean_of(c->aos, 1, 1) : NAN;
}

static void evaluate_level(yl__kitti_matcher *m, bool aos, yl_kitti_curve *c)
{
    yl__kitti_list_candidates(m);
    c->n_gt = yl__kitti_collect(m);
    c->count = pick_thresholds(m->hits, m->hit_count, NULL, c->n_gt, c->thresholds);
    for (int64_t k = 0; k < c->count; k++) count_at(m, c, k);
    finish(c, aos);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool has_angles(const yl_eval_set *set)
{
    for (int64_t d = 0; d < set->det_count; d++)
        if (set->dets[d].alpha == -10) return false;
    return true;
}

/* A class counts as submitted when any detection of it starts at x >= 0, whatever its score or height. */
static bool submits(const yl__kitti_matcher *m, int64_t det)
{
    const yl_eval_det *d = &m->set->dets[det];
    return m->map->of[d->name] == m->class_index && d->box.x1 >= 0;
}

static bool submitted(const yl__kitti_matcher *m)
{
    for (int64_t d = 0; d < m->set->det_count; d++)
        if (submits(m, d)) return true;
    return false;
}

/* The gathered class's truths at the level. */
static int64_t count_truths(const yl__kitti_matcher *m)
{
    int64_t count = 0;
    for (int64_t i = 0; i < m->target_count; i++) count += yl__kitti_target_state(m, &m->targets[i]) == YL__KITTI_VALID;
    return count;
}

/* The mean is ours, not the kit's: a class with truth and no AP (no detection names it, or 0/0) counts 0, so that losing
 * a class cannot raise it. */
static yl_status evaluate(yl__kitti_matcher *m, yl_kitti_result *out)
{
    int with_truth = 0;
    double sum = 0;
    YL_TRY(yl__kitti_matcher_alloc(m));
    for (m->class_index = 0; m->class_index < YL_KITTI_CLASSES; m->class_index++) {
        yl_kitti_curve *curve = out->curve[m->class_index];
        YL_TRY(yl__kitti_gather(m));
        m->level = &yl__kitti_levels[MODERATE];
        bool evaluated = submitted(m), has_truth = count_truths(m) > 0;
        for (int l = 0; l < YL_KITTI_LEVELS && evaluated; l++) {
            m->level = &yl__kitti_levels[l];
            evaluate_level(m, out->aos, &curve[l]);
        }
        out->evaluated[m->class_index] = evaluated;
        with_truth += has_truth;
        if (has_truth && evaluated && isfinite(curve[MODERATE].ap_r40)) sum += curve[MODERATE].ap_r40;
    }
    out->map = with_truth ? sum / with_truth : NAN;
    return YL_OK;
}

yl_status yl_eval_kitti(const yl_eval_set *set, yl_kitti_result *out)
{
    yl__class_map map;
    yl__kitti_matcher m = {.set = set, .map = &map};
    *out = (yl_kitti_result){.aos = has_angles(set)};
    yl_status status = yl__class_map_make(set, &yl_classes_neighbours, &map);
    if (status == YL_OK) status = evaluate(&m, out);
    yl__class_map_free(&map);
    yl__kitti_matcher_free(&m);
    return status;
}

/* ---- on resamples ------------------------------------------------------------------------------------------------ */

/* What changes in a frame where the threshold falls to this score. A frame's matching depends on the threshold only through which of
 * its own detections reach it, so it is one of a few, and the counts at any threshold are sums of such changes. */
typedef struct event {
    double score;
    int64_t frame;
    int32_t tp, fp;
} event;

/* A class at the moderate level. */
typedef struct part {
    yl__kitti_hit *hits;
    event *events; /* by falling score */
    int64_t hit_count, event_count, event_capacity;
    int32_t *n_gt;   /* of each frame */
    bool *submitted; /* whether the frame alone makes the class a submitted one */
} part;

typedef struct resampler {
    yl_resampler base;
    part part[YL_KITTI_CLASSES];
} resampler;

static int by_falling_score(const void *a, const void *b)
{
    const event *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static yl_status add_event(part *p, event e)
{
    YL_TRY(yl__reserve(p->event_count + 1, &p->event_capacity, sizeof *p->events, &p->events));
    p->events[p->event_count++] = e;
    return YL_OK;
}

/* The changes of a frame's matching, whose targets are first..last-1: one for each score of its linked detections. */
static yl_status add_matchings(part *p, yl__kitti_matcher *m, int64_t first, int64_t last)
{
    yl__kitti_tally before = {0};
    int64_t frame = m->targets[first].frame, from = p->event_count;
    for (int64_t l = m->targets[first].link; l < m->targets[last - 1].link + m->targets[last - 1].links; l++)
        YL_TRY(add_event(p, (event){.score = m->set->dets[m->links[l].det].score, .frame = frame}));
    if (p->event_count > from)
        qsort(p->events + from, (size_t)(p->event_count - from), sizeof *p->events, by_falling_score);
    for (int64_t e = from; e < p->event_count; e++) {
        yl__kitti_tally n = {0};
        m->matching++;
        for (int64_t i = first; i < last; i++) yl__kitti_match(m, &m->targets[i], p->events[e].score, &n);
        p->events[e].tp = (int32_t)(n.tp - before.tp);
        p->events[e].fp = (int32_t)(before.cleared - n.cleared);
        before = n;
    }
    return YL_OK;
}

static yl_status add_events(part *p, yl__kitti_matcher *m)
{
    for (int64_t first = 0, last; first < m->target_count; first = last) {
        for (last = first; last < m->target_count && m->targets[last].frame == m->targets[first].frame; last++) {}
        YL_TRY(add_matchings(p, m, first, last));
    }
    for (int64_t i = 0; i < m->candidates; i++)
        YL_TRY(add_event(p, (event){m->candidate[i].score, m->candidate[i].frame, 0, 1}));
    if (p->event_count) qsort(p->events, (size_t)p->event_count, sizeof *p->events, by_falling_score);
    return YL_OK;
}

static void mark_frames(part *p, const yl__kitti_matcher *m)
{
    for (int64_t i = 0; i < m->target_count; i++)
        p->n_gt[m->targets[i].frame] += yl__kitti_target_state(m, &m->targets[i]) == YL__KITTI_VALID;
    for (int64_t f = 0; f < m->set->frame_count; f++)
        for (int64_t d = m->set->frames[f].det; d < m->set->frames[f].det + m->set->frames[f].dets; d++)
            p->submitted[f] = p->submitted[f] || submits(m, d);
}

static yl_status fill_part(part *p, yl__kitti_matcher *m)
{
    YL_TRY(yl__calloc(m->set->frame_count, sizeof *p->n_gt, &p->n_gt));
    YL_TRY(yl__calloc(m->set->frame_count, sizeof *p->submitted, &p->submitted));
    YL_TRY(yl__kitti_gather(m));
    yl__kitti_list_candidates(m);
    yl__kitti_collect(m);
    YL_TRY(yl__alloc(m->hit_count, sizeof *p->hits, &p->hits));
    for (int64_t i = 0; i < m->hit_count; i++) p->hits[i] = m->hits[i];
    p->hit_count = m->hit_count;
    mark_frames(p, m);
    return add_events(p, m);
}

static double part_ap(const part *p, const int32_t *weights, int64_t n_gt)
{
    double thresholds[YL_KITTI_POINTS], precision[YL_KITTI_POINTS] = {0};
    int64_t count = pick_thresholds(p->hits, p->hit_count, weights, n_gt, thresholds), tp = 0, fp = 0, e = 0;
    for (int64_t k = 0; k < count; k++) {
        for (; e < p->event_count && p->events[e].score >= thresholds[k]; e++) {
            tp += (int64_t)weights[p->events[e].frame] * p->events[e].tp;
            fp += (int64_t)weights[p->events[e].frame] * p->events[e].fp;
        }
        precision[k] = (double)tp / (double)(tp + fp);
    }
    make_monotone(precision, count);
    return mean_of(precision, 1, 1);
}

static void compute(const yl_resampler *base, const int32_t *weights, int64_t *scratch, double *out)
{
    (void)scratch; /* it needs none */
    const resampler *r = (const resampler *)base;
    double sum = 0;
    int with_truth = 0;
    for (int c = 0; c < YL_KITTI_CLASSES; c++) {
        const part *p = &r->part[c];
        int64_t n_gt = 0, submitted = 0;
        for (int64_t f = 0; f < base->frames; f++) {
            n_gt += (int64_t)weights[f] * p->n_gt[f];
            submitted += weights[f] && p->submitted[f];
        }
        out[c] = n_gt && submitted ? part_ap(p, weights, n_gt) : NAN;
        with_truth += n_gt > 0;
        if (isfinite(out[c])) sum += out[c];
    }
    out[YL_KITTI_CLASSES] = with_truth ? sum / with_truth : NAN;
}

static void release(yl_resampler *base)
{
    resampler *r = (resampler *)base;
    for (int c = 0; c < YL_KITTI_CLASSES; c++) {
        yl__free(r->part[c].hits);
        yl__free(r->part[c].events);
        yl__free(r->part[c].n_gt);
        yl__free(r->part[c].submitted);
    }
    yl__free(r);
}

static yl_status fill(resampler *r, const yl_eval_set *set)
{
    yl__class_map map;
    yl__kitti_matcher m = {.set = set, .map = &map, .level = &yl__kitti_levels[MODERATE]};
    yl_status status = yl__class_map_make(set, &yl_classes_neighbours, &map);
    if (status == YL_OK) status = yl__kitti_matcher_alloc(&m);
    for (m.class_index = 0; m.class_index < YL_KITTI_CLASSES && status == YL_OK; m.class_index++)
        status = fill_part(&r->part[m.class_index], &m);
    yl__class_map_free(&map);
    yl__kitti_matcher_free(&m);
    return status;
}

yl_status yl_kitti_resampler(const yl_eval_set *set, yl_resampler **out)
{
    resampler *r;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->base = (yl_resampler){set->frame_count, YL_KITTI_CLASSES + 1, 0, compute, release};
    return yl__resampler_give(fill(r, set), &r->base, out);
}
