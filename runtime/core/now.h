/* What changes from one training step to the next although the calls stay the same: kernels read it from device memory, so that a
 * captured step is right for every one. */
#ifndef YL_CORE_NOW_H
#define YL_CORE_NOW_H

#include <stdint.h>

typedef struct yl_now {
    uint64_t seed;          /* of what is random, */
    uint32_t step;          /* and the iteration */
    float statistics_share; /* of this batch in running statistics; 0: each layer's own momentum */
    float loss_scale;       /* of the gradients that losses leave */
    int64_t first_image; /* place of the first image in the step's batch, of which other parts and ranks have others */
} yl_now;

#endif
