/* Winograd's convolution with factors rounded to bf16 after their transform, forward and backward data. */
#include "kernels/kernels.h"

#if defined(__AVX512BW__)
#define YL_FACTORS_BF16
#include "kernels/conv2d.winograd.loop.h"
#else
const yl_conv2d_algo YL_CPU(conv2d_winograd_bf16) = {.name = "winograd_bf16", .supports = yl_conv2d_never};
#endif
