/* The cached output of a frozen body: for each sample the activations at the cut, and its truth.
 *
 * With a frozen body and nothing random before the cut these are computed once per image; training then runs plans of the
 * tail only. Whoever thaws a range throws them away. */
#ifndef YL_NET_FEATURES_H
#define YL_NET_FEATURES_H

#include "net/plan.h"

typedef struct yl_features yl_features;

/* Bytes that `samples` samples of this body need on the host. */
int64_t yl_features_bytes(yl_plan *body, int64_t samples);
/* Room for `samples` samples of the body plan's cut. Errors: INVALID where the plan has no cut above a frozen layer; MEMORY. */
yl_status yl_features_create(yl_device *device, yl_plan *body, int64_t samples, yl_features **out);
void yl_features_free(yl_features *features); /* NULL is fine */

/* After the body's forward: keeps image `image` of its batch, and that image's truth, as sample `sample`. */
yl_status yl_features_store(yl_features *features, yl_plan *body, int64_t image, const yl_truth *truth, int64_t sample);
/* Fills the tail's cut with the samples given by index (one per image of its batch). */
yl_status yl_features_load(const yl_features *features, yl_plan *tail, const int64_t *samples);
/* The truth of those samples, in memory of the features object that the next call overwrites. */
yl_status yl_features_truth(yl_features *features, const int64_t *samples, int64_t count, yl_truth *out);

#endif
