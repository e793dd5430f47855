/* Non-maximum suppression, greedy by falling score, with a fixed order of ties. */
#include "detect/suppress.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>

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

static bool suppresses(const yl_suppress_options *o, yl_box a, yl_box b)
{
    if (o->beta > 0) return yl_box_diou(scaled(a, o), scaled(b, o), o->beta) > o->iou;
    return yl_box_iou(a, b) > o->iou;
}

/* `e` is sorted by group and score. Moves the survivors to the front and returns their number. */
static int64_t keep_best(const yl_suppress_options *o, entry *e, int64_t count)
{
    int64_t kept = 0, first = 0; /* first: of the group's survivors */
    if (o->iou >= 1) return count;
    for (int64_t i = 0; i < count; i++) {
        if (kept && e[kept - 1].group != e[i].group) first = kept;
        bool gone = false;
        for (int64_t k = first; k < kept && !gone; k++) gone = suppresses(o, e[k].d.box, e[i].d.box);
        if (!gone) e[kept++] = e[i];
    }
    return kept;
}

static void give_back(entry *e, yl_detection *d, int64_t count)
{
    for (int64_t i = 0; i < count; i++) d[i] = e[i].d;
    yl__free(e);
}

yl_status yl_suppress(const yl_suppress_options *options, yl_detection *d, int64_t *count)
{
    entry *e;
    if (!(options->iou >= 0 && options->iou <= 1))
        return yl__fail(YL_INVALID, "suppression: expected iou from 0 to 1, got %g", options->iou);
    if (!(options->beta >= 0)) return yl__fail(YL_INVALID, "suppression: expected beta >= 0, got %g", options->beta);
    YL_TRY(make_entries(d, *count, options->class_agnostic, &e));
    qsort(e, (size_t)*count, sizeof *e, by_group_and_score);
    *count = keep_best(options, e, *count);
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
