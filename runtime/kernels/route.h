/* Channels of one tensor copied into (or added to) channels of another: concatenation, groups, and their gradients. */
#ifndef YL_KERNELS_ROUTE_H
#define YL_KERNELS_ROUTE_H

#include "core/dtype.h"
#include "core/status.h"

/* A copy of `count` channels of every pixel, from channel `from_at` of `from_c` to channel `to_at` of `to_c`. */
typedef struct yl_route_geom {
    int64_t pixels, count, from_c, from_at, to_c, to_at;
    yl_dtype dtype;
    yl_quant from_quant, to_quant; /* of type u8, which is copied only */
} yl_route_geom;

/* to = beta to + from */
#define YL_ROUTE_KERNELS(K)                                                                                            \
    K(route_copy, (const yl_ctx *ctx, const yl_route_geom *g, const void *from, void *to, float beta), YES)

#endif
