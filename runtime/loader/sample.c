/* One sample: decode (or find), draw the record, warp, and move the truth along. */
#include "loader/sample.h"
#include "core/memory.h"
#include "core/truth.h"
#include "kernels/kernels.h"

#include <math.h>

/* Less of an object than this in view is no object to learn, but nothing to be punished for either. */
static const double VISIBLE_SHARE = 0.25, SMALLEST_SIDE = 1.0 /* pixels of the input */;

static const float GREY = 0.5f; /* where no picture is */

static yl_status check_row(const yl_sample *s, int64_t width, int64_t sample, int32_t row)
{
    const float *r = s->rows + row * width;
    bool box = isfinite(r[0]) && isfinite(r[1]) && isfinite(r[2]) && isfinite(r[3]) && r[0] < r[2] && r[1] < r[3];
    if (!box)
        return yl__fail(YL_INVALID, "loader: sample %lld (%s), truth %d: expected x1 < x2 and y1 < y2, got %g %g %g %g",
                        (long long)sample + 1, s->path, row + 1, (double)r[0], (double)r[1], (double)r[2],
                        (double)r[3]);
    if (!(r[4] >= 0 && r[4] < 1e6f && floorf(r[4]) == r[4]) || !(r[5] == 0 || r[5] == 1 || r[5] == 2))
        return yl__fail(
            YL_INVALID,
            "loader: sample %lld (%s), truth %d: expected a class from 0 and a kind 0, 1 or 2, got %g and %g",
            (long long)sample + 1, s->path, row + 1, (double)r[4], (double)r[5]);
    return YL_OK;
}

yl_status yl__sample_check(const yl_sample *samples, int64_t count, int64_t width)
{
    if (count < 1) return yl__fail(YL_INVALID, "loader: expected at least one sample, got none");
    for (int64_t i = 0; i < count; i++)
        for (int32_t k = 0; k < samples[i].count; k++) YL_TRY(check_row(&samples[i], width, i, k));
    return YL_OK;
}

static double bound(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

static void write_row(float *row, yl_box b, float class_index, int kind)
{
    row[YL_TRUTH_CX] = (float)(0.5 * (b.x1 + b.x2));
    row[YL_TRUTH_CY] = (float)(0.5 * (b.y1 + b.y2));
    row[YL_TRUTH_W] = (float)yl_box_width(b);
    row[YL_TRUTH_H] = (float)yl_box_height(b);
    row[YL_TRUTH_CLASS] = class_index;
    row[YL_TRUTH_KIND] = (float)kind;
}

/* Attributes follow it too: which way an object heads in a mirrored picture, and how much of it a cropped one shows. */
static void place_attributes(const float *values, const yl_record *record, double seen, float *out)
{
    for (int i = 0; i < YL_ATTRIBUTES; i++) {
        yl_attribute a = yl_attribute_at(i);
        double value = yl_attribute_cropped(&a, values[i], seen);
        out[i] = (float)(record->warp.flip ? yl_attribute_flipped(&a, value) : value);
    }
}

/* Boxes follow the record; what leaves the pane is cut off, and an object of which little is left becomes an ignore region. */
static int32_t place_truth(const yl_sample *s, int64_t fields, const yl_record *record, float *rows)
{
    yl_box pane = yl_record_pane(record);
    int32_t count = 0;
    for (int32_t i = 0; i < s->count; i++) {
        const float *r = s->rows + i * fields;
        yl_box whole = yl_record_forward(record, (yl_box){r[0], r[1], r[2], r[3]});
        yl_box seen = {bound(whole.x1, pane.x1, pane.x2), bound(whole.y1, pane.y1, pane.y2),
                       bound(whole.x2, pane.x1, pane.x2), bound(whole.y2, pane.y1, pane.y2)};
        double w = yl_box_width(seen) * (double)record->warp.w, h = yl_box_height(seen) * (double)record->warp.h;
        if (w <= 0 || h <= 0) continue;
        int kind = (int)r[5];
        double share = yl_box_area(seen) / yl_box_area(whole);
        bool little = share < VISIBLE_SHARE || w < SMALLEST_SIDE || h < SMALLEST_SIDE;
        write_row(rows + fields * count, seen, r[4], little ? YL_TRUTH_IGNORE : kind);
        if (fields > YL_SAMPLE_FIELDS)
            place_attributes(r + YL_SAMPLE_FIELDS, record, share, rows + fields * count + YL_TRUTH_FIELDS);
        count++;
    }
    return count;
}

static void draw_record(const yl_sample_job *job, int piece, const yl_image *image, yl_record *record)
{
    const yl_loader_options *o = job->options;
    yl_record_fit(record, o->letterbox, image->w, image->h, job->w, job->h);
    if (!o->train) return;
    yl_rng rng = yl_mosaic_rng(o->seed, job->epoch, job->index, piece);
    yl_augment_all(&o->augment, &rng, record);
}

yl_status yl__sample_place(const yl_ctx *ctx, const yl_image *image, const yl_record *record, float *out,
                           void **scratch, int64_t *scratch_bytes)
{
    const yl_warp_geom *g = &record->warp;
    const yl_warp_batch_geom one = {1, g->h, g->w, 1, g->fill, YL_F32};
    const uint8_t *source = image->data;
    YL_TRY(yl__reserve((int64_t)yl_warp_scratch(g->pane_w), scratch_bytes, 1, scratch));
    return ctx->device->kernels->warp(ctx, &one, g, &source, out, *scratch);
}

/* A sample's pictures with their records; an empty pane: the picture is not seen. */
typedef struct layout {
    yl_warp_geom geoms[YL_MOSAIC_PIECES];
    yl_image images[YL_MOSAIC_PIECES]; /* data NULL: in the device's memory */
    bool owned[YL_MOSAIC_PIECES];
} layout;

/* A picture that is in the device's memory is not decoded, unless its file has changed. */
static yl_status find_picture(const yl_sample_job *job, yl_sample_piece *p, yl_cache *cache, yl_image *image,
                              bool *owned)
{
    if (yl__resident_is(&p->there, &p->key) && yl_file_unchanged(p->sample->path, &p->key)) {
        *image = (yl_image){p->there.w, p->there.h, NULL};
        return YL_OK;
    }
    return yl_cache_get(cache, p->sample->path, &p->key, job->keep, image, owned, &p->decoded);
}

/* Finds a piece's picture, draws its record, and puts its truth into the slot. */
static yl_status load_piece(yl_sample_job *job, int piece, yl_cache *cache, layout *l)
{
    yl_sample_piece *p = &job->pieces[piece];
    yl_image *image = &l->images[piece];
    yl_record record;
    YL_TRY(find_picture(job, p, cache, image, &l->owned[piece]));
    draw_record(job, piece, image, &record);
    if (piece == 0) {
        yl_record_inverse(&record, job->to_image);
        job->image_size[0] = image->w;
        job->image_size[1] = image->h;
    }
    if (!yl_mosaic_place(&job->mosaic, piece, &record)) return YL_OK;
    int64_t fields = yl_sample_fields(job->options);
    l->geoms[piece] = record.warp;
    *job->row_count += place_truth(p->sample, fields, &record, job->rows + *job->row_count * fields);
    return YL_OK;
}

static yl_status lay_out(const yl_sample_job *job, const layout *l, const yl_ctx *ctx, void **scratch,
                         int64_t *scratch_bytes)
{
    const yl_warp_batch_geom one = {1, job->h, job->w, job->mosaic.pieces, GREY, YL_F32};
    const uint8_t *sources[YL_MOSAIC_PIECES];
    for (int k = 0; k < job->mosaic.pieces; k++) sources[k] = l->images[k].data;
    YL_TRY(yl__reserve((int64_t)yl_warp_scratch(job->w), scratch_bytes, 1, scratch));
    return ctx->device->kernels->warp(ctx, &one, l->geoms, sources, job->image, *scratch);
}

static void hand_over(const yl_sample_job *job, layout *l)
{
    for (int k = 0; k < job->mosaic.pieces; k++) {
        const yl_sample_piece *p = &job->pieces[k];
        if (l->geoms[k].pane_w == 0 || l->geoms[k].pane_h == 0) continue;
        if (!l->images[k].data)
            yl__upload_refer(job->upload, job->slot, k, &l->geoms[k], p->there.data);
        else
            yl__upload_put(job->upload, job->slot, k, &l->geoms[k], p->index, &p->key, &l->images[k], l->owned[k]);
    }
}

yl_status yl__sample_load(yl_sample_job *job, yl_cache *cache, const yl_ctx *ctx, void **scratch,
                          int64_t *scratch_bytes)
{
    layout l = {0};
    yl_status status = YL_OK;
    *job->row_count = 0;
    for (int k = 0; k < job->mosaic.pieces && status == YL_OK; k++) status = load_piece(job, k, cache, &l);
    if (status == YL_OK && job->upload)
        hand_over(job, &l);
    else if (status == YL_OK)
        status = lay_out(job, &l, ctx, scratch, scratch_bytes);
    for (int k = 0; k < job->mosaic.pieces; k++)
        if (l.owned[k]) yl_image_free(&l.images[k]);
    return status;
}

void yl__sample_blank(yl_sample_job *job)
{
    for (int64_t i = 0; job->image && i < job->w * job->h * 3; i++) job->image[i] = GREY;
    write_row(job->rows, (yl_box){0, 0, 1, 1}, 0, YL_TRUTH_IGNORE);
    *job->row_count = 1;
    for (int k = 0; k < 4; k++) job->to_image[k] = k == 0 ? (double)job->w : k == 2 ? (double)job->h : 0;
    job->image_size[0] = job->w;
    job->image_size[1] = job->h;
}
