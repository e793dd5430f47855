/* The direct convolution's backward-weights direction, which has a file of its own. */
#ifndef YL_KERNELS_CONV2D_DIRECT_H
#define YL_KERNELS_CONV2D_DIRECT_H

#include "kernels/kernels.h"

size_t YL_CPU(conv2d_direct_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g);
yl_status YL_CPU(conv2d_direct_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run);

#endif
