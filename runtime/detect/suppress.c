/* Non-maximum suppression, by falling score, with a fixed order of ties. */
#include "detect/suppress.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A detection with its place in the input, which settles ties. */
typedef struct entry {
    yl_detection d;
    int64_t place;
    int32_t group; /* boxes suppress each other within a group: the class, or 0 for all */
} entry;

double yl_box_diou(yl_box a, yl_box b, double beta)
{
    double iou = yl_box_iou(a, b);
    double cw = fmax(a.x2, b.x2) - fmin(a.x1, b.x1), ch = fmax(a.y2, b.y2) - fmin(a.y1, b.y1);
    double dx = (a.x1 + a.x2 - b.x1 - b.x2) / 2, dy = (a.y1 + a.y2 - b.y1 - b.y2) / 2;
    double diagonal = cw * cw + ch * ch;
    return diagonal > 0 ? iou - pow((dx * dx + dy * dy) / diagonal, beta) : iou;
}

static int by_falling_score(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->d.score != y->d.score) return x->d.score < y->d.score ? 1 : -1;
    return (x->place > y->place) - (x->place < y->place);
}

static int by_group_and_score(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return by_falling_score(a, b);
}

static int compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int compare_boxes(const yl_box *a, const yl_box *b)
{
    int order = compare(a->x1, b->x1);
    if (!order) order = compare(a->y1, b->y1);
    if (!order) order = compare(a->x2, b->x2);
    return order ? order : compare(a->y2, b->y2);
}

static int by_box_and_score(const void *a, const void *b)
{
    int order = compare_boxes(&((const entry *)a)->d.box, &((const entry *)b)->d.box);
    return order ? order : by_falling_score(a, b);
}

static int by_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

static yl_status make_entries(const yl_detection *d, int64_t count, bool one_group, entry **out)
{
    YL_TRY(yl__alloc(count, sizeof **out, out));
    for (int64_t i = 0; i < count; i++) (*out)[i] = (entry){d[i], i, one_group ? 0 : d[i].class_index};
    return YL_OK;
}

static yl_box scaled(yl_box b, const yl_suppress_options *o)
{
    double w = o->width > 0 ? o->width : 1, h = o->height > 0 ? o->height : 1;
    return (yl_box){b.x1 / w, b.y1 / h, b.x2 / w, b.y2 / h};
}

static double overlap(const yl_suppress_options *o, yl_box a, yl_box b)
{
    return o->beta > 0 ? yl_box_diou(scaled(a, o), scaled(b, o), o->beta) : yl_box_iou(a, b);
}

/* `e` is one group, sorted by score. Moves the survivors to the front and returns their number. */
static int64_t keep_best(const yl_suppress_options *o, entry *e, int64_t count)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++) {
        bool gone = false;
        for (int64_t k = 0; k < kept && !gone; k++) gone = overlap(o, e[k].d.box, e[i].d.box) > o->iou;
        if (!gone) e[kept++] = e[i];
    }
    return kept;
}

/* The same where scores fall instead: the best of the rest is next, and the rest pay for what they share with it. */
static int64_t keep_while_high(const yl_suppress_options *o, entry *e, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t best = i;
        for (int64_t k = i + 1; k < count; k++)
            if (by_falling_score(&e[k], &e[best]) < 0) best = k;
        entry next = e[best];
        if (next.d.score < o->floor) return i;
        e[best] = e[i];
        e[i] = next;
        for (int64_t k = i + 1; k < count; k++) {
            double shared = overlap(o, next.d.box, e[k].d.box);
            if (shared > o->iou) e[k].d.score *= 1 - shared;
        }
    }
    return count;
}

/* The mean of the group's boxes that overlap `box`, weighted by their scores; `box` where they have none. */
static yl_box voted(yl_box box, double vote, const entry *group, int64_t count)
{
    yl_box sum = {0};
    double weight = 0;
    for (int64_t i = 0; i < count; i++) {
        yl_box b = group[i].d.box;
        double w = group[i].d.score;
        if (!(yl_box_iou(box, b) >= vote)) continue;
        sum = (yl_box){sum.x1 + w * b.x1, sum.y1 + w * b.y1, sum.x2 + w * b.x2, sum.y2 + w * b.y2};
        weight += w;
    }
    return weight > 0 ? (yl_box){sum.x1 / weight, sum.y1 / weight, sum.x2 / weight, sum.y2 / weight} : box;
}

/* `e` is one group, sorted by score; `before` the same, which stays as it is. */
static int64_t suppress_group(const yl_suppress_options *o, entry *e, const entry *before, int64_t count)
{
    int64_t kept = o->iou >= 1 ? count : o->soft ? keep_while_high(o, e, count) : keep_best(o, e, count);
    for (int64_t i = 0; i < kept && o->vote > 0; i++) e[i].d.box = voted(e[i].d.box, o->vote, before, count);
    return kept;
}

/* `e` is sorted by group and score. Moves the survivors to the front and returns their number. */
static int64_t suppress_groups(const yl_suppress_options *o, entry *e, const entry *before, int64_t count)
{
    int64_t kept = 0;
    for (int64_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && e[end].group == e[first].group;) end++;
        int64_t n = suppress_group(o, e + first, before + first, end - first);
        memmove(e + kept, e + first, (size_t)n * sizeof *e);
        kept += n;
    }
    return kept;
}

static yl_status check(const yl_suppress_options *o)
{
    if (!(o->iou >= 0 && o->iou <= 1))
        return yl__fail(YL_INVALID, "suppression: expected iou from 0 to 1, got %g", o->iou);
    if (!(o->vote >= 0 && o->vote <= 1))
        return yl__fail(YL_INVALID, "suppression: expected vote from 0 to 1, got %g", o->vote);
    if (!(o->beta >= 0)) return yl__fail(YL_INVALID, "suppression: expected beta >= 0, got %g", o->beta);
    return YL_OK;
}

static void give_back(entry *e, yl_detection *d, int64_t count)
{
    for (int64_t i = 0; i < count; i++) d[i] = e[i].d;
    yl__free(e);
}

yl_status yl_suppress(const yl_suppress_options *options, yl_detection *d, int64_t *count)
{
    entry *e, *before = NULL;
    YL_TRY(check(options));
    YL_TRY(make_entries(d, *count, options->class_agnostic, &e));
    qsort(e, (size_t)*count, sizeof *e, by_group_and_score);
    if (options->vote > 0) {
        yl_status status = yl__alloc(*count, sizeof *before, &before);
        if (status != YL_OK) return yl__free(e), status;
        memcpy(before, e, (size_t)*count * sizeof *e);
    }
    *count = suppress_groups(options, e, before, *count);
    yl__free(before);
    qsort(e, (size_t)*count, sizeof *e, by_falling_score);
    give_back(e, d, *count);
    return YL_OK;
}

yl_status yl_best_class_per_box(yl_detection *d, int64_t *count)
{
    entry *e;
    int64_t kept = 0;
    YL_TRY(make_entries(d, *count, true, &e));
    qsort(e, (size_t)*count, sizeof *e, by_box_and_score);
    for (int64_t i = 0; i < *count; i++)
        if (!kept || compare_boxes(&e[kept - 1].d.box, &e[i].d.box)) e[kept++] = e[i];
    qsort(e, (size_t)kept, sizeof *e, by_place);
    *count = kept;
    give_back(e, d, kept);
    return YL_OK;
}
