/* The depthwise convolution's backward-weights direction, which has a file of its own. */
#ifndef YL_KERNELS_CONV2D_DEPTHWISE_H
#define YL_KERNELS_CONV2D_DEPTHWISE_H

#include "kernels/kernels.h"

size_t YL_CPU(conv2d_depthwise_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g);
void YL_CPU(conv2d_depthwise_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run);

#endif
