/* The options of a loader. */
#ifndef YL_LOADER_LOADER_OPTIONS_H
#define YL_LOADER_LOADER_OPTIONS_H

#include "augment/record.h"
#include "core/attributes.h"
#include "core/device.h"
#include "core/options.h"

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

/* Numbers of a sample's row. */
static inline int64_t yl_sample_fields(const yl_loader_options *options)
{
    return YL_SAMPLE_FIELDS + (options->attributes ? YL_ATTRIBUTES : 0);
}

#endif
