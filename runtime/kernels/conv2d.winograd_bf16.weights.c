/* Winograd's convolution with factors rounded to bf16 after their transform, backward weights. */
#include "kernels/kernels.h"

#if defined(__AVX512BW__)
#define YL_FACTORS_BF16
#include "kernels/conv2d.winograd.weights.loop.h"
#endif
