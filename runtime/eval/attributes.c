/* Labels beside box and class: detections and objects are matched, and their values compared by kind. */
#include "eval/attributes.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A matched detection and object. */
typedef struct pair {
    int32_t class_index;
    double truth[YL_ATTRIBUTES], found[YL_ATTRIBUTES];
} pair;

typedef struct ranked {
    double score;
    int64_t det;
} ranked;

typedef struct work {
    const yl_eval_set *set;
    const yl__class_map *map;
    const yl_confusion_options *options;
    yl_attributes_row *rows;
    pair *pairs;
    ranked *order; /* of a frame's detections */
    bool *taken;   /* objects */
    int64_t count;
} work;

static int by_falling_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->det > y->det) - (x->det < y->det);
}

static bool is_object(const work *w, const yl_eval_truth *t)
{
    return !t->ignore && w->map->of[t->name] >= 0;
}

/* The object that the detection matches; -1: none. */
static int64_t match(const work *w, const yl_eval_frame *f, const yl_eval_det *d)
{
    int64_t found = -1;
    double best = w->options->iou;
    for (int64_t t = f->truth; t < f->truth + f->truths; t++) {
        const yl_eval_truth *truth = &w->set->truths[t];
        if (w->taken[t] || !is_object(w, truth) || w->map->of[truth->name] != w->map->of[d->name]) continue;
        double iou = yl_box_iou(d->box, truth->box);
        if (iou > best) best = iou, found = t;
    }
    return found;
}

static void add_pair(work *w, const yl_eval_truth *t, const yl_eval_det *d)
{
    pair *p = &w->pairs[w->count++];
    p->class_index = w->map->of[t->name];
#define A(name, kind, width, label, ...)                                                                               \
    p->truth[YL_ATTRIBUTE_##name] = t->label;                                                                          \
    p->found[YL_ATTRIBUTE_##name] = d->label;
    YL_ATTRIBUTE_TABLE(A)
#undef A
}

static void match_frame(work *w, const yl_eval_frame *f)
{
    int64_t n = 0;
    for (int64_t d = f->det; d < f->det + f->dets; d++) {
        const yl_eval_det *det = &w->set->dets[d];
        if (det->score >= w->options->score && w->map->of[det->name] >= 0) w->order[n++] = (ranked){det->score, d};
    }
    if (n) qsort(w->order, (size_t)n, sizeof *w->order, by_falling_score);
    for (int64_t i = 0; i < n; i++) {
        const yl_eval_det *det = &w->set->dets[w->order[i].det];
        int64_t t = match(w, f, det);
        if (t < 0) continue;
        w->taken[t] = true;
        add_pair(w, &w->set->truths[t], det);
    }
    for (int64_t t = f->truth; t < f->truth + f->truths; t++)
        if (is_object(w, &w->set->truths[t])) w->rows[w->map->of[w->set->truths[t].name]].n_gt++;
}

/* ---- values of one class or all, side by side ---- */

typedef struct values {
    double *truth, *found;
    int64_t n;
} values;

static double similarity(double a, double b)
{
    return (1 + cos(a - b)) / 2;
}

static void score_angles(const values *v, yl_attribute_score *out)
{
    double sum = 0, x = 0, y = 0;
    for (int64_t i = 0; i < v->n; i++) {
        sum += similarity(v->truth[i], v->found[i]);
        x += cos(v->truth[i]);
        y += sin(v->truth[i]);
    }
    out->value = sum / (double)v->n;
    out->baseline = (1 + sqrt(x * x + y * y) / (double)v->n) / 2;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the truths. */
static void score_classes(const values *v, yl_attribute_score *out)
{
    int64_t equal = 0, most = 0, run = 0;
    for (int64_t i = 0; i < v->n; i++) equal += v->truth[i] == v->found[i];
    qsort(v->truth, (size_t)v->n, sizeof *v->truth, by_value);
    for (int64_t i = 0; i < v->n; i++) {
        run = i && v->truth[i] == v->truth[i - 1] ? run + 1 : 1;
        if (run > most) most = run;
    }
    out->value = (double)equal / (double)v->n;
    out->baseline = (double)most / (double)v->n;
}

static void score_shares(const values *v, yl_attribute_score *out)
{
    double sum = 0, constant = 0;
    for (int64_t i = 0; i < v->n; i++) sum += fabs(v->truth[i] - v->found[i]);
    qsort(v->truth, (size_t)v->n, sizeof *v->truth, by_value);
    for (int64_t i = 0; i < v->n; i++) constant += fabs(v->truth[i] - v->truth[v->n / 2]);
    out->value = sum / (double)v->n;
    out->baseline = constant / (double)v->n;
}

/* The attribute's known values in the pairs of a class (-1: of all) into v. */
static void collect(const work *w, int32_t class_index, int k, values *v)
{
    yl_attribute a = yl_attribute_at(k);
    v->n = 0;
    for (int64_t i = 0; i < w->count; i++) {
        const pair *p = &w->pairs[i];
        bool known = yl_attribute_known(&a, p->truth[k]) && yl_attribute_known(&a, p->found[k]);
        if ((class_index >= 0 && p->class_index != class_index) || !known) continue;
        v->truth[v->n] = p->truth[k];
        v->found[v->n++] = p->found[k];
    }
}

static void score_row(const work *w, int32_t class_index, values *v, yl_attributes_row *row)
{
    static void (*const by_kind[])(const values *, yl_attribute_score *) = {
        [YL_ATTRIBUTE_ANGLE] = score_angles,
        [YL_ATTRIBUTE_CLASSES] = score_classes,
        [YL_ATTRIBUTE_SHARE] = score_shares,
    };
    for (int64_t i = 0; i < w->count; i++) row->matched += class_index < 0 || w->pairs[i].class_index == class_index;
    for (int k = 0; k < YL_ATTRIBUTES; k++) {
        collect(w, class_index, k, v);
        row->score[k] = (yl_attribute_score){v->n, NAN, NAN};
        if (v->n) by_kind[yl_attribute_at(k).kind](v, &row->score[k]);
    }
}

static yl_status evaluate(work *w, int64_t classes)
{
    values v = {0};
    YL_TRY(yl__alloc(w->set->truth_count, sizeof *w->pairs, &w->pairs));
    YL_TRY(yl__alloc(w->set->det_count, sizeof *w->order, &w->order));
    YL_TRY(yl__calloc(w->set->truth_count, sizeof *w->taken, &w->taken));
    for (int64_t f = 0; f < w->set->frame_count; f++) match_frame(w, &w->set->frames[f]);
    yl_status status = yl__alloc(2 * w->count, sizeof(double), &v.truth);
    if (status != YL_OK) return status;
    v.found = v.truth + w->count;
    for (int64_t i = 0; i < classes; i++) {
        score_row(w, (int32_t)i, &v, &w->rows[i]);
        w->rows[classes].n_gt += w->rows[i].n_gt;
    }
    score_row(w, -1, &v, &w->rows[classes]);
    yl__free(v.truth);
    return YL_OK;
}

yl_status yl_eval_attributes(const yl_eval_set *set, const yl_eval_classes *classes,
                             const yl_confusion_options *options, yl_attributes_row *rows)
{
    yl__class_map map;
    work w = {.set = set, .map = &map, .options = options, .rows = rows};
    memset(rows, 0, (size_t)(classes->count + 1) * sizeof *rows);
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK) status = evaluate(&w, classes->count);
    yl__free(w.pairs);
    yl__free(w.order);
    yl__free(w.taken);
    yl__class_map_free(&map);
    return status;
}
