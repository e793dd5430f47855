/* One sample: picture and truth into their slot of a batch. Runs on any thread. */
#ifndef YL_LOADER_SAMPLE_H
#define YL_LOADER_SAMPLE_H

#include "augment/mosaic.h"
#include "loader/cache.h"
#include "loader/loader.h"

/* A picture that a sample shows: all of it, or a piece of a mosaic. */
typedef struct yl_sample_piece {
    const yl_sample *sample;
    yl_file_key key; /* a copy: two jobs may be for one sample */
    bool decoded;    /* out */
} yl_sample_piece;

typedef struct yl_sample_job {
    yl_mosaic mosaic;
    yl_sample_piece pieces[YL_MOSAIC_PIECES]; /* as many as the mosaic has */
    const yl_loader_options *options;
    int64_t w, h, epoch, index; /* input size; what the randomness is drawn from */
    /* out; of a mosaic, to_image and image_size are the first piece's */
    float *image; /* h, w, 3 */
    float *rows;  /* cap, YL_TRUTH_FIELDS */
    int32_t *row_count;
    double *to_image;    /* 4 */
    int64_t *image_size; /* 2 */
} yl_sample_job;

/* The picture's pixels where the record lays them: out {h, w, 3} in host memory, 0..1. `scratch` grows as needed and is the
 * caller's (yl__free). Errors: MEMORY. */
yl_status yl__sample_place(const yl_ctx *ctx, const yl_image *image, const yl_record *record, float *out,
                           void **scratch, int64_t *scratch_bytes);
/* `scratch` grows as needed and belongs to the thread. Errors: the picture's. */
yl_status yl__sample_load(yl_sample_job *job, yl_cache *cache, const yl_ctx *ctx, void **scratch,
                          int64_t *scratch_bytes);
/* What stands for a picture that could not be read: grey, wholly an ignore region. */
void yl__sample_blank(yl_sample_job *job);

#endif
