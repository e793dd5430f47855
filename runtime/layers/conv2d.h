/* The options of a convolution, for the formats that write one. */
#ifndef YL_LAYERS_CONV2D_H
#define YL_LAYERS_CONV2D_H

#include "layers/layer.h"

typedef struct yl_conv2d_options {
    int64_t filters, size, stride, stride_x, stride_y, padding, dilation, groups;
    bool pad, bias;
    int64_t stopbackward; /* 1: what lies before it is frozen, and itself, unless the training says otherwise */
} yl_conv2d_options;

#endif
