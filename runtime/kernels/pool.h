/* Pooling windows: output (i, j) sees rows i*stride_h - pad ... i*stride_h - pad + size_h - 1 of x, columns alike; what lies
 * outside x is left out. */
#ifndef YL_KERNELS_POOL_H
#define YL_KERNELS_POOL_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_pool_geom {
    int64_t n, h, w, c, oh, ow;
    int32_t size_h, size_w, stride_h, stride_w, pad;
    yl_dtype dtype;
} yl_pool_geom;

#endif
