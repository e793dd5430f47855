/* The direct convolution with factors of f32, forward and backward data. */
#include "kernels/conv2d.direct.loop.h"
