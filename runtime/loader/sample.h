/* A sample, and how its picture and truth get into a slot of a batch, on any thread. */
#ifndef YL_LOADER_SAMPLE_H
#define YL_LOADER_SAMPLE_H

#include "augment/mosaic.h"
#include "loader/cache.h"
#include "loader/loader_options.h"
#include "loader/upload.h"

typedef struct yl_sample {
    const char *path;
    /* count, 6: x1, y1, x2, y2 in pixels, class from 0, kind (core/truth.h); with attributes one more number for each line of
     * core/attributes.h */
    const float *rows;
    int32_t count;
} yl_sample;

/* One of a sample's pictures: the only one, or a piece of a mosaic. */
typedef struct yl_sample_piece {
    const yl_sample *sample;
    int64_t index;   /* of the sample in the list */
    yl_file_key key; /* a copy, since two jobs may be for the same sample */
    yl_resident_picture there;
    bool decoded; /* out */
} yl_sample_piece;

typedef struct yl_sample_job {
    yl_mosaic mosaic;
    yl_sample_piece pieces[YL_MOSAIC_PIECES]; /* as many as the mosaic has */
    const yl_loader_options *options;
    int64_t w, h, epoch, index; /* input size; what the randomness is drawn from */
    bool keep;                  /* decoded pictures go into the cache */
    /* out; of a mosaic, to_image and image_size are the first piece's */
    float *image;      /* h, w, 3; NULL: */
    yl_upload *upload; /* it is laid out as input `slot` of this */
    int64_t slot;
    float *rows; /* cap, as many as the samples' */
    int32_t *row_count;
    double *to_image;    /* 4 */
    int64_t *image_size; /* 2 */
} yl_sample_job;

/* Errors: INVALID for an empty list, or for a row (of `width` numbers) with an invalid box, class or kind, naming sample, path and row. */
yl_status yl__sample_check(const yl_sample *samples, int64_t count, int64_t width);
/* Warps the picture as the record says into out {h, w, 3} in host memory, 0..1. `scratch` grows as needed; the caller frees it
 * (yl__free). Errors: MEMORY. */
yl_status yl__sample_place(const yl_ctx *ctx, const yl_image *image, const yl_record *record, float *out,
                           void **scratch, int64_t *scratch_bytes);
/* Loads the sample. `scratch` grows as needed and belongs to the thread. Errors: those of reading the picture. */
yl_status yl__sample_load(yl_sample_job *job, yl_cache *cache, const yl_ctx *ctx, void **scratch,
                          int64_t *scratch_bytes);
/* Fills the slot of a picture that could not be read: grey (an upload's input is that anyway), one ignore region. */
void yl__sample_blank(yl_sample_job *job);

#endif
