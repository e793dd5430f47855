/* Left and right change places in half of the samples. */
#include "augment/record.h"

void yl_augment_flip(const yl_augment_options *options, yl_rng *rng, yl_record *record)
{
    bool flip = yl_rng_u32(rng) & 1;
    if (options->flip && flip) record->warp.flip = !record->warp.flip;
}
