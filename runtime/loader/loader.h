/* The loader: worker threads decode, augment and warp samples ahead of time. The consumer gets batches in order.
 *
 * Random numbers depend on (seed, epoch, sample), the size of a batch on (seed, epoch, batch), so that the number of workers changes no
 * result. Workers never touch Lua and block all signals. A worker's error is stored in its batch, and yl_loader_next returns it. */
#ifndef YL_LOADER_LOADER_H
#define YL_LOADER_LOADER_H

#include "augment/record.h"
#include "core/device.h"
#include "loader/batch.h"

typedef struct yl_sample {
    const char *path;
    /* count, 6: x1, y1, x2, y2 in pixels, class from 0, kind (core/truth.h); with attributes one more number for each line of
     * core/attributes.h */
    const float *rows;
    int32_t count;
} yl_sample;

enum { YL_LOADER_SIZES = 32, YL_SAMPLE_FIELDS = 6 };

typedef struct yl_loader_options {
    int64_t batch, w, h;
    int64_t parts; /* training: an epoch is extended to a multiple of this many batches; 0: 1 */
    int64_t ranks,
        rank; /* training: of so many processes this is the rank-th (from 0); each takes its share of every batch; 0: alone */
    int64_t n_sizes, sizes[YL_LOADER_SIZES][2]; /* multi-scale: a width and height per step; none: w x h */
    bool letterbox;                             /* else stretch */
    bool train;      /* shuffled and augmented, the last batch completed; else in list order, the last batch padded */
    bool strict;     /* an unreadable image is an error; else it becomes grey, without truth, with a warning, ... */
    bool told;       /* ... which is left out if the consumer looks at the batch's failures */
    bool attributes; /* the samples' rows have them, and so has the batches' truth */
    bool upright;    /* turn pictures by their EXIF orientation; truth then refers to the turned picture */
    uint64_t seed;
    int workers;           /* 0: the consumer does the work */
    double cache;          /* MiB of decoded pictures in memory */
    const char *cache_dir; /* and in this folder, or NULL. Read by yl_loader_create only */
    yl_device *device; /* whose kernels make the images (yl_batch.upload); NULL, the CPU: floats in the host's memory */
    double device_cache; /* MiB of decoded pictures in that device's memory */
    yl_augment_options augment;
} yl_loader_options;

extern const yl_field_table yl_loader_fields; /* without sizes, device and augment */

typedef struct yl_loader_stats {
    int64_t decoded, served, bad;
    int64_t cache_bytes;       /* of decoded pictures */
    int64_t slots, slot_bytes; /* batches in work at a time, and what each takes of the host's memory as floats */
    int64_t resident_bytes;    /* of decoded pictures in the device's memory */
    int64_t device_bytes;      /* of that memory, what the batches in work take besides */
    double waited;             /* seconds that the consumer waited */
} yl_loader_stats;

typedef struct yl_loader yl_loader;

/* Numbers of a sample's row. */
static inline int64_t yl_sample_fields(const yl_loader_options *options)
{
    return YL_SAMPLE_FIELDS + (options->attributes ? YL_ATTRIBUTES : 0);
}

/* Copies samples and options and starts the workers. Errors: INVALID for an empty list, or for a row with an invalid box, class or kind
 * (naming sample, path and row); MEMORY. */
yl_status yl_loader_create(const yl_sample *samples, int64_t count, const yl_loader_options *options, yl_loader **out);
void yl_loader_free(yl_loader *loader); /* stops the workers; NULL is fine */

/* Starts an epoch at batch `first` (0-based). The rest of the current epoch is dropped. */
void yl_loader_epoch(yl_loader *loader, int64_t epoch, int64_t first);
/* The next batch, valid until the next call; *out is NULL at the end of the epoch, or if the user has asked to stop. Errors: those of the
 * workers, naming the image. */
yl_status yl_loader_next(yl_loader *loader, const yl_batch **out);
yl_loader_stats yl_loader_get_stats(yl_loader *loader);

#endif
