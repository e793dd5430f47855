/* LAMP: layer-adaptive magnitude-based pruning (Lee et al. 2021, "Layer-adaptive sparsity for the magnitude-based pruning"). */
#ifndef YL_PRUNE_LAMP_H
#define YL_PRUNE_LAMP_H

#include "core/status.h"

/* score[i] = w[i]^2 / sum of w[j]^2 over all j with |w[j]| >= |w[i]| (equation 4; equal weights in their order). Masked weights (0 in
 * `mask`) score 0 and are left out of the sums. Errors: MEMORY. */
yl_status yl_prune_lamp(int64_t count, const float *w, const uint8_t *mask, float *score);

#endif
