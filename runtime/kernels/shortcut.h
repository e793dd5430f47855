/* Residual sums: y = a + b, and dx = beta*dx + dy for each of the two. y may be a; dx may be dy where beta is 0.
 * Of unequal sizes: to[n, to_step i, to_step j, k] += from[n, from_step i, from_step j, k]. */
#ifndef YL_KERNELS_SHORTCUT_H
#define YL_KERNELS_SHORTCUT_H

#include "kernels/flat.h"

/* A sum of two tensors of unequal sizes, at the points and channels that both have: every from_step-th row and column of
 * `from` meets every to_step-th of `to`. */
typedef struct yl_shortcut_geom {
    int64_t n, h, w, c; /* what both have */
    int64_t from_h, from_w, from_c, from_step;
    int64_t to_h, to_w, to_c, to_step;
    yl_dtype dtype;
} yl_shortcut_geom;

/* The sum of two tensors of bytes, of equal sizes. */
typedef struct yl_shortcut_bytes_geom {
    int64_t count;
    yl_quant a, b, y;
} yl_shortcut_bytes_geom;

#define YL_SHORTCUT_KERNELS(K)                                                                                         \
    K(shortcut_add, (const yl_ctx *ctx, const yl_shortcut_geom *g, const void *from, void *to), YES)                   \
    K(shortcut_bytes,                                                                                                  \
      (const yl_ctx *ctx, const yl_shortcut_bytes_geom *g, const uint8_t *a, const uint8_t *b, uint8_t *y), NO)        \
    K(shortcut_forward, (const yl_ctx *ctx, const yl_flat_geom *g, const void *a, const void *b, void *y), YES)        \
    K(shortcut_backward, (const yl_ctx *ctx, const yl_flat_geom *g, const void *dy, void *dx, float beta), YES)

#endif
