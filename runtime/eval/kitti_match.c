/* KITTI's matching, a class and a level at a time.
 *
 * The kit matches every frame anew for each of up to 41 score thresholds, three levels and three classes. Which
 * detections can meet a truth depends on none of these but the class, so those pairs are listed once (`link`), and a
 * matching walks links only. False positives are then a difference: the detections that could be one at a threshold
 * (counted by binary search in a sorted list), less those among them that the matching used. */
#include "eval/kitti_match.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

static const double min_overlap[YL_KITTI_CLASSES] = {0.7, 0.5, 0.5};
const yl__kitti_level yl__kitti_levels[YL_KITTI_LEVELS] = {{40, 0, 0.15}, {25, 1, 0.30}, {25, 2, 0.50}};

/* ---- what a class can match -------------------------------------------------------------------------------------- */

static yl_status add_links(yl__kitti_matcher *m, const yl_eval_frame *frame, yl_box truth)
{
    for (int64_t d = frame->det; d < frame->det + frame->dets; d++) {
        double iou = yl_box_iou(m->set->dets[d].box, truth);
        if (!(iou > min_overlap[m->class_index])) continue;
        YL_TRY(yl__reserve(m->link_count + 1, &m->link_capacity, sizeof *m->links, &m->links));
        m->links[m->link_count++] = (yl__kitti_link){d, iou};
    }
    return YL_OK;
}

static yl_status add_targets(yl__kitti_matcher *m, int64_t frame_index)
{
    const yl_eval_frame *frame = &m->set->frames[frame_index];
    for (int64_t i = frame->truth; i < frame->truth + frame->truths; i++) {
        const yl_eval_truth *t = &m->set->truths[i];
        bool own = m->map->of[t->name] == m->class_index, neighbour = m->map->crowd[t->name] == m->class_index;
        if (!own && !neighbour) continue;
        YL_TRY(yl__reserve(m->target_count + 1, &m->target_capacity, sizeof *m->targets, &m->targets));
        int64_t first = m->link_count;
        YL_TRY(add_links(m, frame, t->box));
        m->targets[m->target_count++] = (yl__kitti_target){i, frame_index, first, m->link_count - first, own};
    }
    return YL_OK;
}

/* inter / area of the detection > the class's overlap, for any DontCare region. */
static void mark_dont_care(yl__kitti_matcher *m, const yl_eval_frame *frame, int32_t dont_care)
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

yl_status yl__kitti_gather(yl__kitti_matcher *m)
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

enum yl__kitti_state yl__kitti_target_state(const yl__kitti_matcher *m, const yl__kitti_target *t)
{
    const yl_eval_truth *truth = &m->set->truths[t->truth];
    bool fails = truth->occluded > m->level->occluded || truth->truncated > m->level->truncated ||
                 yl_box_height(truth->box) <= m->level->height;
    return t->own && !fails ? YL__KITTI_VALID : YL__KITTI_IGNORED;
}

/* The height is tested first: a short detection of any class can take a truth of this one. */
static enum yl__kitti_state det_state(const yl__kitti_matcher *m, int64_t det)
{
    const yl_eval_det *d = &m->set->dets[det];
    if (fabs(d->box.y1 - d->box.y2) < m->level->height) return YL__KITTI_IGNORED;
    return m->map->of[d->name] == m->class_index ? YL__KITTI_VALID : YL__KITTI_ABSENT;
}

static int falling(const void *a, const void *b)
{
    const yl__kitti_hit *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static void sort(yl__kitti_hit *hits, int64_t count)
{
    if (count) qsort(hits, (size_t)count, sizeof *hits, falling);
}

void yl__kitti_list_candidates(yl__kitti_matcher *m)
{
    m->candidates = 0;
    for (int64_t f = 0; f < m->set->frame_count; f++)
        for (int64_t d = m->set->frames[f].det; d < m->set->frames[f].det + m->set->frames[f].dets; d++)
            if (!m->in_dont_care[d] && det_state(m, d) == YL__KITTI_VALID)
                m->candidate[m->candidates++] = (yl__kitti_hit){m->set->dets[d].score, f};
    sort(m->candidate, m->candidates);
}

/* ---- first pass: the scores of the detections that the truths would take ----------------------------------------- */

static int64_t best_by_score(const yl__kitti_matcher *m, const yl__kitti_target *t)
{
    int64_t best = -1;
    double score = -1e7;
    for (int64_t l = t->link; l < t->link + t->links; l++) {
        int64_t d = m->links[l].det;
        if (m->used[d] == m->matching || det_state(m, d) == YL__KITTI_ABSENT || !(m->set->dets[d].score > score))
            continue;
        best = d;
        score = m->set->dets[d].score;
    }
    return best;
}

int64_t yl__kitti_collect(yl__kitti_matcher *m)
{
    int64_t n_gt = 0;
    m->hit_count = 0;
    m->matching++;
    for (int64_t i = 0; i < m->target_count; i++) {
        bool valid = yl__kitti_target_state(m, &m->targets[i]) == YL__KITTI_VALID;
        int64_t d = best_by_score(m, &m->targets[i]);
        n_gt += valid;
        if (d < 0) continue;
        m->used[d] = m->matching;
        if (valid && det_state(m, d) == YL__KITTI_VALID)
            m->hits[m->hit_count++] = (yl__kitti_hit){m->set->dets[d].score, m->targets[i].frame};
    }
    sort(m->hits, m->hit_count);
    return n_gt;
}

/* ---- second pass: counts at a threshold -------------------------------------------------------------------------- */

/* Among valid detections the largest overlap; without one, the first short detection of the file. */
static int64_t best_by_overlap(const yl__kitti_matcher *m, const yl__kitti_target *t, double threshold,
                               enum yl__kitti_state *state)
{
    int64_t best = -1, fallback = -1;
    double overlap = 0;
    for (int64_t l = t->link; l < t->link + t->links; l++) {
        int64_t d = m->links[l].det;
        if (m->used[d] == m->matching || m->set->dets[d].score < threshold) continue;
        enum yl__kitti_state s = det_state(m, d);
        if (s == YL__KITTI_IGNORED && fallback < 0) fallback = d;
        if (s != YL__KITTI_VALID || !(m->links[l].iou > overlap)) continue;
        best = d;
        overlap = m->links[l].iou;
    }
    *state = best >= 0 ? YL__KITTI_VALID : YL__KITTI_IGNORED;
    return best >= 0 ? best : fallback;
}

void yl__kitti_match(yl__kitti_matcher *m, const yl__kitti_target *t, double threshold, yl__kitti_tally *n)
{
    enum yl__kitti_state state;
    bool valid = yl__kitti_target_state(m, t) == YL__KITTI_VALID;
    int64_t d = best_by_overlap(m, t, threshold, &state);
    if (d < 0) {
        n->fn += valid;
        return;
    }
    m->used[d] = m->matching;
    n->cleared += state == YL__KITTI_VALID && !m->in_dont_care[d];
    if (!valid || state != YL__KITTI_VALID) return;
    n->tp++;
    n->frame_similarity += (1 + cos(m->set->truths[t->truth].alpha - m->set->dets[d].alpha)) / 2;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

yl_status yl__kitti_matcher_alloc(yl__kitti_matcher *m)
{
    YL_TRY(yl__calloc(m->set->det_count, sizeof *m->in_dont_care, &m->in_dont_care));
    YL_TRY(yl__calloc(m->set->det_count, sizeof *m->used, &m->used));
    YL_TRY(yl__alloc(m->set->det_count, sizeof *m->hits, &m->hits));
    return yl__alloc(m->set->det_count, sizeof *m->candidate, &m->candidate);
}

void yl__kitti_matcher_free(yl__kitti_matcher *m)
{
    yl__free(m->targets);
    yl__free(m->links);
    yl__free(m->in_dont_care);
    yl__free(m->used);
    yl__free(m->hits);
    yl__free(m->candidate);
}
