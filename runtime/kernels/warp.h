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
 * rectangle of the output; the rest is `fill`, or stays as it is (`keep`). Pane pixel i of n reads source column
 * view_x + i (view_w - 1)/(n - 1). */
typedef struct yl_warp_geom {
    int64_t source_w, source_h, w, h;
    double view_x, view_y, view_w, view_h;
    int64_t pane_x, pane_y, pane_w, pane_h;
    bool flip, keep;
    float fill;
    float hue, saturation, exposure; /* neutral: 0, 1, 1 */
} yl_warp_geom;

/* Bytes of scratch that warp needs: two rows and the columns' table. */
static inline size_t yl_warp_scratch(const yl_warp_geom *g)
{
    return (size_t)g->pane_w * (6 * sizeof(float) + 2 * sizeof(int32_t) + sizeof(float)) + 64;
}

/* From decoded bytes {source_h, source_w, 3} to one slot {h, w, 3} of the batch, values 0..1. */
#define YL_WARP_KERNELS(K)                                                                                             \
    K(warp, (const yl_ctx *ctx, const yl_warp_geom *g, const uint8_t *source, float *out, void *scratch), NO)

#endif
