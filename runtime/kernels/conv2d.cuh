/* What the convolution's algorithms on a GPU share. */
#ifndef YL_KERNELS_CONV2D_CUH
#define YL_KERNELS_CONV2D_CUH

#include "kernels/launch.cuh"

/* Weights as they are, output channel o times scale[o] (NULL: 1): `pack` of the algorithms that take them so. */
yl_status yl__conv2d_pack_plain(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                                const float *scale, void *packed);

extern "C" {
extern const yl_conv2d_algo YL_CUDA(conv2d_gemm), YL_CUDA(conv2d_depthwise), YL_CUDA(conv2d_mma), YL_CUDA(conv2d_cudnn),
    YL_CUDA(conv2d_cudnn_2), YL_CUDA(conv2d_cudnn_3);
}

#endif
