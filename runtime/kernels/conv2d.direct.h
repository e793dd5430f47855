/* The direct convolution's backward-weights direction, which has a file of its own, and what both files copy alike. */
#ifndef YL_KERNELS_CONV2D_DIRECT_H
#define YL_KERNELS_CONV2D_DIRECT_H

#include "kernels/kernels.h"
#include "kernels/slab.h"

/* Floats between pixels for the c channels of a part, in the room that those of a whole one, `part` channels, take. */
static inline int64_t yl__slab_pixel_in(int64_t part, int64_t c)
{
    int64_t room = yl__slab_pixel(part), own = yl__slab_pixel(c);
    return own < room ? own : room;
}

size_t YL_CPU(conv2d_direct_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g);
yl_status YL_CPU(conv2d_direct_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run);

#endif
