/* LAMP: layer-adaptive magnitude-based pruning (Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning"). */
#ifndef YL_PRUNE_LAMP_H
#define YL_PRUNE_LAMP_H

#include "core/status.h"

/* score[i] = w[i]^2 / the sum of w[j]^2 over all j that are not smaller than i (equation 4; equal ones in order). What is masked (0 in
 * `mask`) scores 0 and counts in no sum. Errors: MEMORY. */
yl_status yl_prune_lamp(int64_t count, const float *w, const uint8_t *mask, float *score);

#endif
