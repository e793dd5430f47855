/* Winograd's convolution with factors of f32, backward weights. */
#include "kernels/conv2d.winograd.weights.loop.h"
