/* The loader: worker threads decode, augment and warp samples ahead of time. The consumer gets batches in order.
 *
 * Random numbers depend on (seed, epoch, sample), the size of a batch on (seed, epoch, batch), so that the number of workers changes no
 * result. Workers never touch Lua and block all signals. A worker's error is stored in its batch, and yl_loader_next returns it. */
#ifndef YL_LOADER_LOADER_H
#define YL_LOADER_LOADER_H

#include "loader/batch.h"
#include "loader/loader_options.h"
#include "loader/sample.h"

typedef struct yl_loader_stats {
    int64_t decoded, served, bad;
    int64_t cache_bytes;       /* of decoded pictures */
    int64_t slots, slot_bytes; /* batches in work at a time, and what each takes of the host's memory as floats */
    int64_t resident_bytes;    /* of decoded pictures in the device's memory */
    int64_t device_bytes;      /* of that memory, what the batches in work take besides */
    double waited;             /* seconds that the consumer waited */
} yl_loader_stats;

typedef struct yl_loader yl_loader;

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
