/* Which algorithm a convolution runs with. */
#ifndef YL_BACKEND_CONV2D_H
#define YL_BACKEND_CONV2D_H

#include "backend/choices.h"
#include "kernels/kernels.h"

/* The algorithm for this geometry and direction on ctx's device. `pinned` NULL or "auto": measured once per
 * (instruction set, threads, geometry, direction, packs) and remembered, in the process and in a cache file; where no
 * such file can be written, and for convolutions too small to matter, the geometry alone decides. Else the algorithm of
 * that name where it supports the geometry, and what the geometry decides where it does not. `packs`: the weights are
 * repacked for every run (a trainable layer), so that packing counts. Errors: INVALID for an unknown name; MEMORY. */
yl_status yl_conv2d_choose(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, bool packs, const char *pinned,
                           const yl_conv2d_algo **out);

#endif
