/* One sample: decode (or find), draw the record, warp, and move the truth along. */
#include "loader/sample.h"
#include "core/memory.h"
#include "core/truth.h"
#include "kernels/kernels.h"

/* Less of an object than this in view is no object to learn, but nothing to be punished for either. */
static const double VISIBLE_SHARE = 0.25, SMALLEST_SIDE = 1.0 /* pixels of the input */;

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
    YL_TRY(yl__reserve((int64_t)yl_warp_scratch(&record->warp), scratch_bytes, 1, scratch));
    return ctx->device->kernels->warp(ctx, &record->warp, image->data, out, *scratch);
}

/* Lays a piece's picture and truth into the slot. */
static yl_status load_piece(yl_sample_job *job, int piece, yl_cache *cache, const yl_ctx *ctx, void **scratch,
                            int64_t *scratch_bytes)
{
    yl_sample_piece *p = &job->pieces[piece];
    yl_image image;
    yl_record record;
    bool owned;
    YL_TRY(yl_cache_get(cache, p->sample->path, &p->key, &image, &owned, &p->decoded));
    draw_record(job, piece, &image, &record);
    if (piece == 0) {
        yl_record_inverse(&record, job->to_image);
        job->image_size[0] = image.w;
        job->image_size[1] = image.h;
    }
    yl_status status = YL_OK;
    if (yl_mosaic_place(&job->mosaic, piece, &record)) {
        status = yl__sample_place(ctx, &image, &record, job->image, scratch, scratch_bytes);
        int64_t fields = yl_sample_fields(job->options);
        *job->row_count += place_truth(p->sample, fields, &record, job->rows + *job->row_count * fields);
    }
    if (owned) yl_image_free(&image);
    return status;
}

static void fill_grey(yl_sample_job *job)
{
    for (int64_t i = 0; i < job->w * job->h * 3; i++) job->image[i] = 0.5f;
}

yl_status yl__sample_load(yl_sample_job *job, yl_cache *cache, const yl_ctx *ctx, void **scratch,
                          int64_t *scratch_bytes)
{
    *job->row_count = 0;
    if (job->mosaic.pieces > 1 && job->options->letterbox) fill_grey(job); /* panes need not meet */
    for (int k = 0; k < job->mosaic.pieces; k++) YL_TRY(load_piece(job, k, cache, ctx, scratch, scratch_bytes));
    return YL_OK;
}

void yl__sample_blank(yl_sample_job *job)
{
    fill_grey(job);
    write_row(job->rows, (yl_box){0, 0, 1, 1}, 0, YL_TRUTH_IGNORE);
    *job->row_count = 1;
    for (int k = 0; k < 4; k++) job->to_image[k] = k == 0 ? (double)job->w : k == 2 ? (double)job->h : 0;
    job->image_size[0] = job->w;
    job->image_size[1] = job->h;
}
