/* Winograd's convolution in tiles of 5x5 outputs, forward and backward data. */
#define YL_OUTPUTS_5
#include "kernels/conv2d.winograd.loop.h"
