/* The direct convolution with factors rounded to bf16, forward and backward data. */
#include "kernels/kernels.h"

#if defined(__AVX512BW__)
#define YL_FACTORS_BF16
#include "kernels/conv2d.direct.loop.h"
#else
const yl_conv2d_algo YL_CPU(conv2d_direct_bf16) = {.name = "direct_bf16", .supports = yl_conv2d_never};
#endif
