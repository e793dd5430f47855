/* Which algorithm a convolution runs with. */
#ifndef YL_BACKEND_CONV2D_H
#define YL_BACKEND_CONV2D_H

#include "backend/choices.h"
#include "kernels/kernels.h"

/* The algorithm for this geometry and direction on ctx's device. With `pinned` NULL or "auto" it is measured once per instruction set,
 * threads, geometry, direction and `packs`, and remembered in the process and in a cache file. The geometry alone decides for small
 * convolutions, and if no cache file can be written. "predicted": the geometry alone decides, and without `packs` the number of images does
 * not count. Otherwise `pinned` names the algorithm, for the geometries that it supports; for others the geometry decides. `weights`: in
 * host memory, what to measure with where many are zero (g->zeros); NULL where zeros is 0. `packs`: the weights are repacked before every
 * run (a trainable layer), so that packing counts. Errors: INVALID for an unknown name; MEMORY. */
yl_status yl_conv2d_choose(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, bool packs, const float *weights,
                           const char *pinned, const yl_conv2d_algo **out);

#endif
