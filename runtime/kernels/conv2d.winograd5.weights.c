/* Winograd's convolution in tiles of 5x5 outputs, backward weights. */
#define YL_OUTPUTS_5
#include "kernels/conv2d.winograd.weights.loop.h"
