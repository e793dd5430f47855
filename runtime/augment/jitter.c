/* Jittered crop and scale: each border of the view moves in or out by up to a share of its side (Darknet's jitter). */
#include "augment/record.h"

void yl_augment_jitter(const yl_augment_options *options, yl_rng *rng, yl_record *record)
{
    yl_warp_geom *g = &record->warp;
    double dw = options->jitter * g->view_w, dh = options->jitter * g->view_h;
    double left = yl_rng_range(rng, -dw, dw), right = yl_rng_range(rng, -dw, dw);
    double top = yl_rng_range(rng, -dh, dh), bottom = yl_rng_range(rng, -dh, dh);
    g->view_x += left;
    g->view_y += top;
    g->view_w -= left + right;
    g->view_h -= top + bottom;
}
