/* The poster's precision and recall, with its quirks. */
#include "eval/poster.h"
#include "core/memory.h"
#include "detect/suppress.h"

#include <math.h>

#define AT(member) YL_MEMBER(yl_poster_options, member)
static const yl_field fields[] = {
    {"variant", YL_OPTION_ENUM, "clean", "", "clean, its own overlap (unclamped), or also its own rounding (literal)",
     0, 0, "clean|unclamped|literal", NULL, AT(variant)},
    {"score", YL_OPTION_NUMBER, "0.5", "", "lowest score that counts", -1e9, 1e9, NULL, NULL, AT(score)},
    {"reduce", YL_OPTION_BOOL, "false", "", "first keep the best class of each box, then suppress at IoU 0.5", 0, 0,
     NULL, NULL, AT(reduce)},
    {"width", YL_OPTION_NUMBER, "1242", "px", "width of the images, for literal", 1, 1e9, NULL, NULL, AT(width)},
    {"height", YL_OPTION_NUMBER, "375", "px", "height of the images, for literal", 1, 1e9, NULL, NULL, AT(height)},
};
const yl_field_table yl_poster_fields = YL_FIELD_TABLE("poster", fields);

/* One frame's truths and predictions of the listed classes; the arrays are as large as the largest frame. */
typedef struct board {
    yl_box *truth;
    int32_t *truth_class;
    bool *found;
    yl_detection *predicted;
    int64_t truths, predictions;
} board;

/* ---- its boxes --------------------------------------------------------------------------------------------------- */

/* A side of a truth after the poster's file format: float32 centre and size as fractions, then whole pixels, cut to
 * zero. */
static double stored_side(double low, double high, double size, int sign)
{
    float centre = (float)((low + high) / 2 / size), extent = (float)((high - low) / size);
    float side = sign < 0 ? centre - extent / 2 : centre + extent / 2;
    return truncf(side * (float)size);
}

static yl_box stored(yl_box b, const yl_poster_options *o)
{
    return (yl_box){stored_side(b.x1, b.x2, o->width, -1), stored_side(b.y1, b.y2, o->height, -1),
                    stored_side(b.x1, b.x2, o->width, 1), stored_side(b.y1, b.y2, o->height, 1)};
}

static yl_box single(yl_box b)
{
    return (yl_box){(float)b.x1, (float)b.y1, (float)b.x2, (float)b.y2};
}

/* inter / (a + b - inter) with inter = width * height whatever their signs. */
static double raw_iou(yl_box predicted, yl_box truth, bool literal)
{
    double w = fmin(predicted.x2, truth.x2) - fmax(predicted.x1, truth.x1);
    double h = fmin(predicted.y2, truth.y2) - fmax(predicted.y1, truth.y1);
    double area = yl_box_area(predicted), inter = h * w;
    if (literal) {
        float fw = (float)predicted.x2 - (float)predicted.x1, fh = (float)predicted.y2 - (float)predicted.y1;
        area = fw * fh;
    }
    return inter / (area + yl_box_area(truth) - inter);
}

static double overlap(const yl_poster_options *o, yl_box predicted, yl_box truth)
{
    if (o->variant == YL_POSTER_CLEAN) return yl_box_iou(predicted, truth);
    return raw_iou(predicted, truth, o->variant == YL_POSTER_LITERAL);
}

/* ---- one frame --------------------------------------------------------------------------------------------------- */

static void put_truths(const yl_eval_set *set, const yl_eval_frame *frame, const yl__class_map *map,
                       const yl_poster_options *o, board *b)
{
    b->truths = 0;
    for (int64_t i = frame->truth; i < frame->truth + frame->truths; i++) {
        const yl_eval_truth *t = &set->truths[i];
        if (t->ignore || map->of[t->name] < 0) continue;
        b->truth[b->truths] = o->variant == YL_POSTER_LITERAL ? stored(t->box, o) : t->box;
        b->truth_class[b->truths] = map->of[t->name];
        b->found[b->truths++] = false;
    }
}

/* Before the reduction classes are names of the set, so that one outside the list can win a box, too. */
static yl_status put_predictions(const yl_eval_set *set, const yl_eval_frame *frame, const yl__class_map *map,
                                 const yl_poster_options *o, board *b)
{
    int64_t n = 0;
    for (int64_t i = frame->det; i < frame->det + frame->dets; i++) {
        const yl_eval_det *d = &set->dets[i];
        if (d->score >= o->score)
            b->predicted[n++] = (yl_detection){.class_index = d->name, .score = d->score, .box = d->box};
    }
    if (o->reduce) {
        const yl_suppress_options half = {.iou = 0.5, .class_agnostic = true};
        YL_TRY(yl_best_class_per_box(b->predicted, &n));
        YL_TRY(yl_suppress(&half, b->predicted, &n));
    }
    b->predictions = 0;
    for (int64_t i = 0; i < n; i++) {
        yl_detection d = b->predicted[i];
        d.class_index = map->of[d.class_index];
        if (o->variant == YL_POSTER_LITERAL) d.box = single(d.box);
        if (d.class_index >= 0) b->predicted[b->predictions++] = d;
    }
    return YL_OK;
}

/* The first truth of the largest overlap, and that overlap; -1 in a frame without truth. */
static int64_t best_truth(const board *b, const yl_detection *d, const yl_poster_options *o, double *best)
{
    int64_t found = b->truths ? 0 : -1;
    for (int64_t t = 0; t < b->truths; t++) {
        double iou = overlap(o, d->box, b->truth[t]);
        if (t && !(iou > *best)) continue;
        *best = iou;
        found = t;
    }
    return found;
}

static void count_frame(const board *b, const yl_poster_options *o, yl_poster_row *rows)
{
    for (int64_t i = 0; i < b->predictions; i++) {
        double iou = 0;
        const yl_detection *d = &b->predicted[i];
        int64_t t = best_truth(b, d, o, &iou);
        if (t >= 0) b->found[t] = true; /* unconditionally: even where class or overlap fail */
        if (t >= 0 && b->truth_class[t] == d->class_index && iou > 0.5)
            rows[d->class_index].tp++;
        else
            rows[d->class_index].fp++;
    }
    for (int64_t t = 0; t < b->truths; t++)
        if (!b->found[t]) rows[b->truth_class[t]].fn++;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void rates(yl_poster_row *row)
{
    double tp = (double)row->tp, fp = (double)row->fp, fn = (double)row->fn;
    row->precision = tp / (tp + fp + 1e-9);
    row->recall = tp / (tp + fn + 1e-9);
    row->f1 = row->tp ? 2 * tp / (2 * tp + fp + fn) : 0;
}

static yl_status make_board(const yl_eval_set *set, board *b)
{
    int64_t truths = 0, dets = 0;
    for (int64_t f = 0; f < set->frame_count; f++) {
        if (set->frames[f].truths > truths) truths = set->frames[f].truths;
        if (set->frames[f].dets > dets) dets = set->frames[f].dets;
    }
    YL_TRY(yl__alloc(truths, sizeof *b->truth, &b->truth));
    YL_TRY(yl__alloc(truths, sizeof *b->truth_class, &b->truth_class));
    YL_TRY(yl__alloc(truths, sizeof *b->found, &b->found));
    return yl__alloc(dets, sizeof *b->predicted, &b->predicted);
}

static void free_board(board *b)
{
    yl__free(b->truth);
    yl__free(b->truth_class);
    yl__free(b->found);
    yl__free(b->predicted);
}

static double mean_precision(const yl_poster_row *rows, const int64_t *truths, int64_t count)
{
    double sum = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++)
        if (truths[i]) {
            sum += rows[i].precision;
            n++;
        }
    return n ? sum / (double)n : NAN;
}

static yl_status count_all(const yl_eval_set *set, const yl__class_map *map, const yl_poster_options *o, board *b,
                           yl_poster_row *rows, int64_t *truths)
{
    for (int64_t f = 0; f < set->frame_count; f++) {
        put_truths(set, &set->frames[f], map, o, b);
        YL_TRY(put_predictions(set, &set->frames[f], map, o, b));
        count_frame(b, o, rows);
        for (int64_t t = 0; t < b->truths; t++) truths[b->truth_class[t]]++;
    }
    return YL_OK;
}

yl_status yl_eval_poster(const yl_eval_set *set, const yl_eval_classes *classes, const yl_poster_options *options,
                         yl_poster_row *rows, double *map)
{
    yl__class_map names;
    board b = {0};
    int64_t *truths = NULL;
    for (int64_t i = 0; i < classes->count; i++) rows[i] = (yl_poster_row){0};
    yl_status status = yl__class_map_make(set, classes, &names);
    if (status == YL_OK) status = yl__calloc(classes->count, sizeof *truths, &truths);
    if (status == YL_OK) status = make_board(set, &b);
    if (status == YL_OK) status = count_all(set, &names, options, &b, rows, truths);
    for (int64_t i = 0; i < classes->count; i++) rates(&rows[i]);
    if (status == YL_OK) *map = mean_precision(rows, truths, classes->count);
    yl__free(truths);
    free_board(&b);
    yl__class_map_free(&names);
    return status;
}

/* ---- on resamples ------------------------------------------------------------------------------------------------ */

/* Of a frame and class. */
typedef struct counts {
    int32_t tp, fp, truths;
} counts;

typedef struct resampler {
    yl_resampler base;
    counts *counts; /* [class][frame] */
} resampler;

static void compute(const yl_resampler *base, const int32_t *weights, int64_t *scratch, double *out)
{
    (void)scratch; /* it needs none */
    const resampler *r = (const resampler *)base;
    int64_t classes = base->figures - 1, with_truth = 0;
    double sum = 0;
    for (int64_t c = 0; c < classes; c++) {
        yl_poster_row row = {0};
        int64_t truths = 0;
        for (int64_t f = 0; f < base->frames; f++) {
            const counts *of = &r->counts[c * base->frames + f];
            row.tp += (int64_t)weights[f] * of->tp;
            row.fp += (int64_t)weights[f] * of->fp;
            truths += (int64_t)weights[f] * of->truths;
        }
        rates(&row);
        out[c] = truths ? row.precision : NAN;
        if (!truths) continue;
        sum += row.precision;
        with_truth++;
    }
    out[classes] = with_truth ? sum / (double)with_truth : NAN;
}

static void release(yl_resampler *base)
{
    resampler *r = (resampler *)base;
    yl__free(r->counts);
    yl__free(r);
}

/* rows: scratch for a frame, one for each class. */
static yl_status fill_frames(resampler *r, const yl_eval_set *set, const yl__class_map *map, const yl_poster_options *o,
                             board *b, yl_poster_row *rows)
{
    int64_t frames = set->frame_count, classes = r->base.figures - 1;
    for (int64_t f = 0; f < frames; f++) {
        put_truths(set, &set->frames[f], map, o, b);
        YL_TRY(put_predictions(set, &set->frames[f], map, o, b));
        for (int64_t c = 0; c < classes; c++) rows[c] = (yl_poster_row){0};
        count_frame(b, o, rows);
        for (int64_t c = 0; c < classes; c++)
            r->counts[c * frames + f] = (counts){(int32_t)rows[c].tp, (int32_t)rows[c].fp, 0};
        for (int64_t t = 0; t < b->truths; t++) r->counts[b->truth_class[t] * frames + f].truths++;
    }
    return YL_OK;
}

static yl_status fill(resampler *r, const yl_eval_set *set, const yl_eval_classes *classes, const yl_poster_options *o)
{
    yl__class_map map;
    board b = {0};
    yl_poster_row *rows = NULL;
    yl_status status = yl__class_map_make(set, classes, &map);
    if (status == YL_OK)
        status = yl__calloc(YL_PRODUCT(classes->count, set->frame_count), sizeof *r->counts, &r->counts);
    if (status == YL_OK) status = yl__alloc(classes->count, sizeof *rows, &rows);
    if (status == YL_OK) status = make_board(set, &b);
    if (status == YL_OK) status = fill_frames(r, set, &map, o, &b, rows);
    yl__free(rows);
    free_board(&b);
    yl__class_map_free(&map);
    return status;
}

yl_status yl_poster_resampler(const yl_eval_set *set, const yl_eval_classes *classes, const yl_poster_options *options,
                              yl_resampler **out)
{
    resampler *r;
    *out = NULL;
    YL_TRY(yl__calloc(1, sizeof *r, &r));
    r->base = (yl_resampler){set->frame_count, classes->count + 1, 0, compute, release};
    return yl__resampler_give(fill(r, set, classes, options), &r->base, out);
}
