/* KITTI's 2D object protocol.
 *
 * The kit matches every frame anew for each of up to 41 score thresholds, three levels and three classes. Which
 * detections can meet a truth depends on none of these but the class, so those pairs are listed once (`link`), and a
 * matching walks links only. False positives are then a difference: the detections that could be one at a threshold
 * (counted by binary search in a sorted list), less those among them that the matching used. */
#include "eval/kitti.h"
#include "core/memory.h"
#include "core/text.h"
#include "eval/classes.h"

#include <math.h>
#include <stdlib.h>

const char *const yl_kitti_class_names[YL_KITTI_CLASSES] = {"Car", "Pedestrian", "Cyclist"};
const char *const yl_kitti_level_names[YL_KITTI_LEVELS] = {"easy", "moderate", "hard"};

static const double min_overlap[YL_KITTI_CLASSES] = {0.7, 0.5, 0.5};

typedef struct level {
    double height, occluded, truncated; /* least height of a box; most occlusion and truncation of a truth */
} level;
enum { MODERATE = 1 };
static const level levels[YL_KITTI_LEVELS] = {{40, 0, 0.15}, {25, 1, 0.30}, {25, 2, 0.50}};

enum state { VALID, IGNORED, ABSENT };

/* A detection whose overlap with a truth suffices. */
typedef struct link {
    int64_t det;
    double iou;
} link;

/* A truth of the class or of its neighbour, in file order, with its links. */
typedef struct target {
    int64_t truth, frame, link, links;
    bool own;
} target;

typedef struct matcher {
    const yl_eval_set *set;
    const yl__class_map *map;
    int class_index;
    const level *level;
    target *targets;
    int64_t target_count, target_capacity;
    link *links;
    int64_t link_count, link_capacity;
    bool *in_dont_care; /* of each detection: it lies in a DontCare region */
    int32_t *used;      /* of each detection: the last matching that used it */
    int32_t matching;
    double *scores;    /* of the true positives of the first pass */
    double *candidate; /* scores of the valid detections outside DontCare, falling */
    int64_t candidates;
} matcher;

/* ---- what a class can match -------------------------------------------------------------------------------------- */

static yl_status add_links(matcher *m, const yl_eval_frame *frame, yl_box truth)
{
    for (int64_t d = frame->det; d < frame->det + frame->dets; d++) {
        double iou = yl_box_iou(m->set->dets[d].box, truth);
        if (!(iou > min_overlap[m->class_index])) continue;
        YL_TRY(yl__reserve(m->link_count + 1, &m->link_capacity, sizeof *m->links, &m->links));
        m->links[m->link_count++] = (link){d, iou};
    }
    return YL_OK;
}

static yl_status add_targets(matcher *m, int64_t frame_index)
{
    const yl_eval_frame *frame = &m->set->frames[frame_index];
    for (int64_t i = frame->truth; i < frame->truth + frame->truths; i++) {
        const yl_eval_truth *t = &m->set->truths[i];
        bool own = m->map->of[t->name] == m->class_index, neighbour = m->map->crowd[t->name] == m->class_index;
        if (!own && !neighbour) continue;
        YL_TRY(yl__reserve(m->target_count + 1, &m->target_capacity, sizeof *m->targets, &m->targets));
        int64_t first = m->link_count;
        YL_TRY(add_links(m, frame, t->box));
        m->targets[m->target_count++] = (target){i, frame_index, first, m->link_count - first, own};
    }
    return YL_OK;
}

/* inter / area of the detection > the class's overlap, for any DontCare region. */
static void mark_dont_care(matcher *m, const yl_eval_frame *frame, int32_t dont_care)
{
    for (int64_t d = frame->det; d < frame->det + frame->dets; d++) {
        yl_box box = m->set->dets[d].box;
        m->in_dont_care[d] = false;
        for (int64_t t = frame->truth; t < frame->truth + frame->truths && !m->in_dont_care[d]; t++) {
            if (m->set->truths[t].name != dont_care) continue;
            m->in_dont_care[d] =
                yl_box_intersection(box, m->set->truths[t].box) / yl_box_area(box) > min_overlap[m->class_index];
        }
    }
}

static yl_status gather(matcher *m)
{
    int32_t dont_care = yl__names_find(&m->set->names, "DontCare");
    m->target_count = m->link_count = 0;
    for (int64_t f = 0; f < m->set->frame_count; f++) {
        YL_TRY(add_targets(m, f));
        mark_dont_care(m, &m->set->frames[f], dont_care);
    }
    return YL_OK;
}

/* ---- states at a level ------------------------------------------------------------------------------------------- */

static enum state target_state(const matcher *m, const target *t)
{
    const yl_eval_truth *truth = &m->set->truths[t->truth];
    bool fails = truth->occluded > m->level->occluded || truth->truncated > m->level->truncated ||
                 yl_box_height(truth->box) <= m->level->height;
    return t->own && !fails ? VALID : IGNORED;
}

/* The height is tested first: a short detection of any class can take a truth of this one. */
static enum state det_state(const matcher *m, int64_t det)
{
    const yl_eval_det *d = &m->set->dets[det];
    if (fabs(d->box.y1 - d->box.y2) < m->level->height) return IGNORED;
    return m->map->of[d->name] == m->class_index ? VALID : ABSENT;
}

static int falling(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

static void list_candidates(matcher *m)
{
    m->candidates = 0;
    for (int64_t d = 0; d < m->set->det_count; d++)
        if (!m->in_dont_care[d] && det_state(m, d) == VALID) m->candidate[m->candidates++] = m->set->dets[d].score;
    qsort(m->candidate, (size_t)m->candidates, sizeof *m->candidate, falling);
}

static int64_t candidates_from(const matcher *m, double threshold)
{
    int64_t low = 0, high = m->candidates;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (m->candidate[middle] >= threshold)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- first pass: the scores of the detections that the truths would take ----------------------------------------- */

static int64_t best_by_score(const matcher *m, const target *t)
{
    int64_t best = -1;
    double score = -1e7;
    for (int64_t l = t->link; l < t->link + t->links; l++) {
        int64_t d = m->links[l].det;
        if (m->used[d] == m->matching || det_state(m, d) == ABSENT || !(m->set->dets[d].score > score)) continue;
        best = d;
        score = m->set->dets[d].score;
    }
    return best;
}

/* Returns the number of scores; *n_gt is the number of valid truths. */
static int64_t collect_scores(matcher *m, int64_t *n_gt)
{
    int64_t count = 0;
    m->matching++;
    *n_gt = 0;
    for (int64_t i = 0; i < m->target_count; i++) {
        bool valid = target_state(m, &m->targets[i]) == VALID;
        int64_t d = best_by_score(m, &m->targets[i]);
        *n_gt += valid;
        if (d < 0) continue;
        m->used[d] = m->matching;
        if (valid && det_state(m, d) == VALID) m->scores[count++] = m->set->dets[d].score;
    }
    return count;
}

/* Those of the n falling scores whose recall comes next to 0, 1/40, 2/40, ... The step is accumulated, as in the kit.
 */
static int64_t pick_thresholds(const double *scores, int64_t n, int64_t n_gt, double out[YL_KITTI_POINTS])
{
    int64_t count = 0;
    double current = 0;
    for (int64_t i = 0; i < n && count < YL_KITTI_POINTS; i++) {
        bool last = i == n - 1;
        double left = (double)(i + 1) / (double)n_gt, right = last ? left : (double)(i + 2) / (double)n_gt;
        if (!last && right - current < current - left) continue;
        out[count++] = scores[i];
        current += 1.0 / (YL_KITTI_POINTS - 1.0);
    }
    return count;
}

/* ---- second pass: counts at a threshold -------------------------------------------------------------------------- */

/* Among valid detections the largest overlap; without one, the first short detection of the file. */
static int64_t best_by_overlap(const matcher *m, const target *t, double threshold, enum state *state)
{
    int64_t best = -1, fallback = -1;
    double overlap = 0;
    for (int64_t l = t->link; l < t->link + t->links; l++) {
        int64_t d = m->links[l].det;
        if (m->used[d] == m->matching || m->set->dets[d].score < threshold) continue;
        enum state s = det_state(m, d);
        if (s == IGNORED && fallback < 0) fallback = d;
        if (s != VALID || !(m->links[l].iou > overlap)) continue;
        best = d;
        overlap = m->links[l].iou;
    }
    *state = best >= 0 ? VALID : IGNORED;
    return best >= 0 ? best : fallback;
}

typedef struct tally {
    int64_t tp, fn, cleared; /* cleared: used detections that would else be false positives */
    double similarity, frame_similarity;
    int64_t frame;
} tally;

static void next_frame(tally *n, int64_t frame)
{
    n->similarity += n->frame_similarity; /* the kit sums within a frame, then over frames */
    n->frame_similarity = 0;
    n->frame = frame;
}

static void match(matcher *m, const target *t, double threshold, tally *n)
{
    enum state state;
    bool valid = target_state(m, t) == VALID;
    int64_t d = best_by_overlap(m, t, threshold, &state);
    if (d < 0) {
        n->fn += valid;
        return;
    }
    m->used[d] = m->matching;
    n->cleared += state == VALID && !m->in_dont_care[d];
    if (!valid || state != VALID) return;
    n->tp++;
    n->frame_similarity += (1 + cos(m->set->truths[t->truth].alpha - m->set->dets[d].alpha)) / 2;
}

static void count_at(matcher *m, yl_kitti_curve *c, int64_t k)
{
    tally n = {.frame = -1};
    m->matching++;
    for (int64_t i = 0; i < m->target_count; i++) {
        if (m->targets[i].frame != n.frame) next_frame(&n, m->targets[i].frame);
        match(m, &m->targets[i], c->thresholds[k], &n);
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

static void evaluate_level(matcher *m, bool aos, yl_kitti_curve *c)
{
    list_candidates(m);
    int64_t n = collect_scores(m, &c->n_gt);
    qsort(m->scores, (size_t)n, sizeof *m->scores, falling);
    c->count = pick_thresholds(m->scores, n, c->n_gt, c->thresholds);
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
static bool submitted(const matcher *m)
{
    for (int64_t d = 0; d < m->set->det_count; d++)
        if (m->map->of[m->set->dets[d].name] == m->class_index && m->set->dets[d].box.x1 >= 0) return true;
    return false;
}

/* The gathered class's truths at the level. */
static int64_t count_truths(const matcher *m)
{
    int64_t count = 0;
    for (int64_t i = 0; i < m->target_count; i++) count += target_state(m, &m->targets[i]) == VALID;
    return count;
}

static yl_status alloc_marks(matcher *m)
{
    YL_TRY(yl__calloc(m->set->det_count, sizeof *m->in_dont_care, &m->in_dont_care));
    YL_TRY(yl__calloc(m->set->det_count, sizeof *m->used, &m->used));
    YL_TRY(yl__alloc(m->set->det_count, sizeof *m->scores, &m->scores));
    return yl__alloc(m->set->det_count, sizeof *m->candidate, &m->candidate);
}

/* The mean is ours, not the kit's: a class with truth and no AP (no detection names it, or 0/0) counts 0, so that losing
 * a class cannot raise it. */
static yl_status evaluate(matcher *m, yl_kitti_result *out)
{
    int with_truth = 0;
    double sum = 0;
    YL_TRY(alloc_marks(m));
    for (m->class_index = 0; m->class_index < YL_KITTI_CLASSES; m->class_index++) {
        yl_kitti_curve *curve = out->curve[m->class_index];
        YL_TRY(gather(m));
        m->level = &levels[MODERATE];
        bool evaluated = submitted(m), has_truth = count_truths(m) > 0;
        for (int l = 0; l < YL_KITTI_LEVELS && evaluated; l++) {
            m->level = &levels[l];
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
    matcher m = {.set = set, .map = &map};
    *out = (yl_kitti_result){.aos = has_angles(set)};
    yl_status status = yl__class_map_make(set, &yl_classes_neighbours, &map);
    if (status == YL_OK) status = evaluate(&m, out);
    yl__class_map_free(&map);
    yl__free(m.targets);
    yl__free(m.links);
    yl__free(m.in_dont_care);
    yl__free(m.used);
    yl__free(m.scores);
    yl__free(m.candidate);
    return status;
}
