/* Winograd's convolution with factors of f32, forward and backward data. */
#include "kernels/conv2d.winograd.loop.h"
