/* The options of a convolution, for the formats that write one, and what a plan may ask of a prepared one. */
#ifndef YL_LAYERS_CONV2D_H
#define YL_LAYERS_CONV2D_H

#include "backend/conv2d.h"
#include "layers/layer.h"

typedef struct yl_conv2d_options {
    int64_t filters, size, stride, stride_x, stride_y, padding, dilation, groups;
    bool pad, bias;
} yl_conv2d_options;

/* The name of the algorithm that a prepared convolution runs a direction with; NULL where it does not run it. */
const char *yl__conv2d_algorithm(const void *prepared, yl_direction d);

#endif
