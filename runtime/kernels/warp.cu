/* Warp on a GPU, a thread per pixel: warp.h has the formulas. */
#include "kernels/launch.cuh"
#include "kernels/pixels.cuh"
#include "kernels/warp.formulas.h"

/* The pixel at row i and column j of the pane. */
static __device__ void show(const yl_warp_geom &g, const uint8_t *source, int64_t i, int64_t j, float *p)
{
    yl__warp_tap row = yl__warp_row(&g, i), column = yl__warp_column(&g, j);
    for (int k = 0; k < 3; k++) p[k] = g.fill;
    if (row.first < 0) return;
    const uint8_t *above = source + row.first * g.source_w * 3, *below = source + row.second * g.source_w * 3;
    for (int k = 0; k < 3 && column.first >= 0; k++)
        p[k] = yl__warp_mix(yl__warp_sample(above, column, k), yl__warp_sample(below, column, k), row.share);
    if (yl__warp_recolours(&g)) yl__warp_recolour(yl__warp_colour_of(&g), p);
}

template <class T>
static __global__ void warp(yl_warp_batch_geom g, const yl_warp_geom *pieces, const uint8_t *const *sources, T *to)
{
    YL_EACH(at, g.n * g.h * g.w)
    {
        yl__pixel pixel = yl__pixel_at(at, g.h, g.w, 1);
        float p[3] = {g.fill, g.fill, g.fill};
        for (int64_t k = pixel.n * g.pieces; k < (pixel.n + 1) * g.pieces; k++) {
            int64_t i = pixel.i - pieces[k].pane_y, j = pixel.j - pieces[k].pane_x;
            if (i < 0 || j < 0 || i >= pieces[k].pane_h || j >= pieces[k].pane_w) continue;
            show(pieces[k], sources[k], i, j, p);
            break;
        }
        for (int c = 0; c < 3; c++) to[3 * at + c] = p[c];
    }
}

yl_status YL_CUDA(warp)(const yl_ctx *ctx, const yl_warp_batch_geom *g, const yl_warp_geom *pieces,
                        const uint8_t *const *sources, void *to, void *)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "warp", g->n * g->h * g->w, warp<T>, *g, pieces, sources, (T *)to));
}
