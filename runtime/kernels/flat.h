/* `count` elements side by side, of whatever shape. */
#ifndef YL_KERNELS_FLAT_H
#define YL_KERNELS_FLAT_H

#include "core/dtype.h"
#include "core/status.h"

typedef struct yl_flat_geom {
    int64_t count;
    yl_dtype dtype;
} yl_flat_geom;

#endif
