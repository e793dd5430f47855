/* Hue shift, saturation and exposure factors: a factor f is drawn between 1 and f, and inverted in half of the samples. */
#include "augment/record.h"

static double factor(yl_rng *rng, double most)
{
    double f = yl_rng_range(rng, 1.0, most);
    return yl_rng_u32(rng) & 1 ? f : 1.0 / f;
}

void yl_augment_hsv(const yl_augment_options *options, yl_rng *rng, yl_record *record)
{
    yl_warp_geom *g = &record->warp;
    g->hue += (float)yl_rng_range(rng, -options->hue, options->hue);
    g->saturation *= (float)factor(rng, options->saturation);
    g->exposure *= (float)factor(rng, options->exposure);
}
