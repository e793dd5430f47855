/* The loader: worker threads decode, augment and warp ahead of the consumer, who gets batches in order.
 *
 * A sample is drawn from (seed, epoch, its index), a batch's size from (seed, epoch, batch): the number of workers
 * changes nothing. Workers never touch Lua and block all signals; a worker's failure travels in its batch and is raised
 * by the consumer. */
#ifndef YL_LOADER_LOADER_H
#define YL_LOADER_LOADER_H

#include "augment/record.h"
#include "core/device.h"
#include "loader/batch.h"

typedef struct yl_sample {
    const char *path;
    const float *rows; /* count, 6: x1, y1, x2, y2 in pixels, class from 0, kind (core/truth.h) */
    int32_t count;
} yl_sample;

enum { YL_LOADER_SIZES = 32, YL_SAMPLE_FIELDS = 6 };

typedef struct yl_loader_options {
    int64_t batch, w, h;
    int64_t parts; /* training: an epoch is completed to a multiple of so many batches; 0: 1 */
    int64_t n_sizes, sizes[YL_LOADER_SIZES][2]; /* multi-scale: a width and height per batch; none: w x h */
    bool letterbox;                             /* else stretch */
    bool train;   /* shuffled, augmented, the last batch completed; else list order, the last batch padded */
    bool strict;  /* a bad image fails; else it is a grey one in which nothing counts, and a warning ... */
    bool told;    /* ... or none, where the consumer looks at the batch's failures himself */
    bool upright; /* pictures are turned as their EXIF orientation says; truth is of the turned ones then */
    uint64_t seed;
    int workers;           /* 0: the consumer does the work */
    double cache;          /* MiB of decoded pictures in memory */
    const char *cache_dir; /* and in this folder; NULL: none. Only read by yl_loader_create */
    yl_augment_options augment;
} yl_loader_options;

extern const yl_field_table yl_loader_fields; /* all but sizes and augment */

typedef struct yl_loader_stats {
    int64_t decoded, served, bad;
    int64_t cache_bytes;
    double waited; /* seconds that the consumer waited */
} yl_loader_stats;

typedef struct yl_loader yl_loader;

/* Copies samples and options, starts the workers. Errors: INVALID for an empty list or a row that is
 * no box, class or kind (with sample, path and row), MEMORY. */
yl_status yl_loader_create(const yl_sample *samples, int64_t count, const yl_loader_options *options, yl_loader **out);
void yl_loader_free(yl_loader *loader); /* stops the workers; NULL is fine */

/* Starts an epoch at batch `first` (from 0), dropping what is left of the present one. */
void yl_loader_epoch(yl_loader *loader, int64_t epoch, int64_t first);
/* The next batch, valid until the next call; *out is NULL at the epoch's end or when the user asked to stop.
 * Errors: a worker's, with the path of the image. */
yl_status yl_loader_next(yl_loader *loader, const yl_batch **out);
yl_loader_stats yl_loader_get_stats(yl_loader *loader);

#endif
