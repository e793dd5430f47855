/* Products with a factor that is repeated over pixels or over channels, or with one of x's own shape.
 *
 *   y[n,p,c] = beta y + x[n,p,c] factor[n,p,c]
 *   dfactor = beta dfactor + the sum of x[n,p,c] dy[n,p,c] over the pixels or channels along which the factor is repeated */
#ifndef YL_KERNELS_SCALE_CHANNELS_H
#define YL_KERNELS_SCALE_CHANNELS_H

#include "core/dtype.h"
#include "core/status.h"

/* Products with a factor: y {n, pixels, c} = x times factor {n, 1 or pixels, 1 or c}, which is repeated along what it lacks. */
typedef struct yl_scale_geom {
    int64_t n, pixels, c;
    bool per_pixel, per_channel; /* whether the factor has pixels, has channels; one of them at least */
    yl_dtype dtype;
} yl_scale_geom;

/* scale_channels is the gradient of x too. */
#define YL_SCALE_CHANNELS_KERNELS(K)                                                                                   \
    K(scale_channels,                                                                                                  \
      (const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *factor, float beta, void *y), YES)        \
    K(scale_channels_factor,                                                                                           \
      (const yl_ctx *ctx, const yl_scale_geom *g, const void *x, const void *dy, float beta, void *dfactor), YES)

#endif
