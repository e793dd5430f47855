/* The cached output of a frozen body: the activations at the cut, and the truth, of each sample.
 *
 * If the body is frozen and nothing before the cut is random, it runs once per image, and training runs plans of the tail only. The
 * cache is invalid once a range of the body is thawed. */
#ifndef YL_NET_FEATURES_H
#define YL_NET_FEATURES_H

#include "net/plan.h"

typedef struct yl_features yl_features;

/* Bytes that `samples` samples of this body need on the host. */
int64_t yl_features_bytes(yl_plan *body, int64_t samples);
/* A cache for `samples` samples at the body plan's cut. Errors: INVALID if the plan has no cut above a frozen layer; MEMORY. */
yl_status yl_features_create(yl_device *device, yl_plan *body, int64_t samples, yl_features **out);
void yl_features_free(yl_features *features); /* NULL is fine */

/* After the body's forward: stores image `image` of its batch, and that image's truth, as sample `sample`. */
yl_status yl_features_store(yl_features *features, yl_plan *body, int64_t image, const yl_truth *truth, int64_t sample);
/* Fills the tail's cut with samples, one index for each image of its batch. */
yl_status yl_features_load(const yl_features *features, yl_plan *tail, const int64_t *samples);
/* The truth of samples, in memory of the cache that the next call overwrites. */
yl_status yl_features_truth(yl_features *features, const int64_t *samples, int64_t count, yl_truth *out);

#endif
