/* The confusion matrix: pairs of overlapping boxes, best first. */
#include "eval/confusion.h"
#include "core/memory.h"

#include <stdlib.h>

#define AT(member) YL_MEMBER(yl_confusion_options, member)
static const yl_field fields[] = {
    {"iou", YL_OPTION_NUMBER, "0.5", "", "a pair overlaps by more than this", 0, 1, NULL, NULL, AT(iou)},
    {"score", YL_OPTION_NUMBER, "0.25", "", "lowest score that counts", -1e9, 1e9, NULL, NULL, AT(score)},
};
const yl_field_table yl_confusion_fields = YL_FIELD_TABLE("confusion", fields);

typedef struct pair {
    double iou, score;
    int64_t truth, det;
} pair;

typedef struct work {
    const yl_eval_set *set;
    const yl__class_map *map;
    const yl_confusion_options *options;
    int64_t *cells, classes;
    bool *truth_used, *det_used;
    pair *pairs;
    int64_t count, capacity;
} work;

static int best_first(const void *a, const void *b)
{
    const pair *x = a, *y = b;
    if (x->iou != y->iou) return x->iou < y->iou ? 1 : -1;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    if (x->truth != y->truth) return x->truth < y->truth ? -1 : 1;
    return (x->det > y->det) - (x->det < y->det);
}

static bool is_detection(const work *w, const yl_eval_det *d)
{
    return w->map->of[d->name] >= 0 && d->score >= w->options->score;
}

static bool is_truth(const work *w, const yl_eval_truth *t)
{
    return !t->ignore && w->map->of[t->name] >= 0;
}

static void cell(work *w, int64_t truth_class, int64_t seen_class)
{
    w->cells[truth_class * (w->classes + 1) + seen_class]++;
}

static yl_status list_pairs(work *w, const yl_eval_frame *f)
{
    w->count = 0;
    for (int64_t t = f->truth; t < f->truth + f->truths; t++)
        for (int64_t d = f->det; d < f->det + f->dets; d++) {
            if (!is_truth(w, &w->set->truths[t]) || !is_detection(w, &w->set->dets[d])) continue;
            double iou = yl_box_iou(w->set->dets[d].box, w->set->truths[t].box);
            if (!(iou > w->options->iou)) continue;
            YL_TRY(yl__reserve(w->count + 1, &w->capacity, sizeof *w->pairs, &w->pairs));
            w->pairs[w->count++] = (pair){iou, w->set->dets[d].score, t, d};
        }
    if (w->count) qsort(w->pairs, (size_t)w->count, sizeof *w->pairs, best_first);
    return YL_OK;
}

static void take_pairs(work *w)
{
    for (int64_t i = 0; i < w->count; i++) {
        const pair *p = &w->pairs[i];
        if (w->truth_used[p->truth] || w->det_used[p->det]) continue;
        w->truth_used[p->truth] = w->det_used[p->det] = true;
        cell(w, w->map->of[w->set->truths[p->truth].name], w->map->of[w->set->dets[p->det].name]);
    }
}

static bool in_ignore_region(const work *w, const yl_eval_frame *f, const yl_eval_det *d)
{
    for (int64_t t = f->truth; t < f->truth + f->truths; t++) {
        const yl_eval_truth *region = &w->set->truths[t];
        if (region->ignore && yl_box_intersection(d->box, region->box) > w->options->iou * yl_box_area(d->box))
            return true;
    }
    return false;
}

static yl_status count_frame(work *w, const yl_eval_frame *f)
{
    YL_TRY(list_pairs(w, f));
    take_pairs(w);
    for (int64_t t = f->truth; t < f->truth + f->truths; t++)
        if (is_truth(w, &w->set->truths[t]) && !w->truth_used[t])
            cell(w, w->map->of[w->set->truths[t].name], w->classes);
    for (int64_t d = f->det; d < f->det + f->dets; d++) {
        const yl_eval_det *det = &w->set->dets[d];
        if (is_detection(w, det) && !w->det_used[d] && !in_ignore_region(w, f, det))
            cell(w, w->classes, w->map->of[det->name]);
    }
    return YL_OK;
}

static yl_status count_all(work *w)
{
    YL_TRY(yl__calloc(w->set->truth_count, sizeof *w->truth_used, &w->truth_used));
    YL_TRY(yl__calloc(w->set->det_count, sizeof *w->det_used, &w->det_used));
    for (int64_t f = 0; f < w->set->frame_count; f++) YL_TRY(count_frame(w, &w->set->frames[f]));
    return YL_OK;
}

yl_status yl_eval_confusion(const yl_eval_set *set, const yl_eval_classes *classes, const yl_confusion_options *options,
                            int64_t *cells)
{
    yl__class_map map;
    work w = {.set = set, .map = &map, .options = options, .cells = cells, .classes = classes->count};
    for (int64_t i = 0; i < (classes->count + 1) * (classes->count + 1); i++) cells[i] = 0;
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = count_all(&w);
    yl__free(w.truth_used);
    yl__free(w.det_used);
    yl__free(w.pairs);
    yl__class_map_free(&map);
    return status;
}
