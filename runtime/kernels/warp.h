/* From decoded bytes to the network's input in one pass: resample, flip, change colours.
 *
 * Bilinear with aligned corners, columns first, as Darknet's resize. A pane column i of n reads
 *
 *   u = view_x + i (view_w - 1)/(n - 1),  d = u - floor u,  out = (1 - d) p[floor u] + d p[floor u + 1]
 *
 * then rows likewise. A sample outside the source is `fill`. */
#ifndef YL_KERNELS_WARP_H
#define YL_KERNELS_WARP_H

#include "core/dtype.h"
#include "core/status.h"

/* A picture laid on a network's input (see augment/record.h): the view, a rectangle of the source in pixels, fills the pane, a
 * rectangle of the output. Pane pixel i of n reads source column view_x + i (view_w - 1)/(n - 1). */
typedef struct yl_warp_geom {
    int64_t source_w, source_h, w, h;
    double view_x, view_y, view_w, view_h;
    int64_t pane_x, pane_y, pane_w, pane_h;
    bool flip;
    float fill;
    float hue, saturation, exposure; /* neutral: 0, 1, 1 */
} yl_warp_geom;

/* Inputs {n, h, w, 3}, each of up to `pieces` pictures. The panes of one input do not overlap; an empty one shows nothing. */
typedef struct yl_warp_batch_geom {
    int64_t n, h, w, pieces;
    float fill; /* where no pane is */
    yl_dtype dtype;
} yl_warp_batch_geom;

/* Bytes of scratch that the CPU's warp needs for panes of that width: two rows and the columns' table. */
static inline size_t yl_warp_scratch(int64_t pane_w)
{
    return (size_t)pane_w * (6 * sizeof(float) + 2 * sizeof(int32_t) + sizeof(float)) + 64;
}

/* From decoded bytes {source_h, source_w, 3} to values 0..1. `pieces` {n, pieces} and `sources`, which says where each one's bytes are,
 * lie in the device's memory; the source of an empty pane is not looked at. */
#define YL_WARP_KERNELS(K)                                                                                             \
    K(warp,                                                                                                            \
      (const yl_ctx *ctx, const yl_warp_batch_geom *g, const yl_warp_geom *pieces, const uint8_t *const *sources,      \
       void *to, void *scratch),                                                                                       \
      YES)

#endif
