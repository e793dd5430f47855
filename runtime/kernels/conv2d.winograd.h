/* What Winograd's forward, backward-data and backward-weights directions share: the transform of 6x6 input tiles. */
#ifndef YL_KERNELS_CONV2D_WINOGRAD_H
#define YL_KERNELS_CONV2D_WINOGRAD_H

#include "kernels/kernels.h"
#include "kernels/slab.h"
#include "kernels/tile.h"

enum { YL_PLACES = 36 };

/* Backward weights has a file of its own. */
size_t YL_CPU(conv2d_winograd_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g);
yl_status YL_CPU(conv2d_winograd_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run);

/* The image that tiles are cut from. */
typedef struct yl__picture {
    const float *x;
    int64_t h, w, c;
} yl__picture;

static inline yl__vec yl__load_some(const float *from, int64_t count)
{
    float lanes[YL_VL] = {0};
    memcpy(lanes, from, (size_t)count * sizeof(float));
    return *(const yl__vec *)lanes;
}

/* t[0..6) = B' d[0..6) */
YL__INLINE void yl__transform_input(const yl__vec *d, int64_t step, yl__vec *t, int64_t t_step)
{
    yl__vec d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step];
    yl__vec a = d4 - 4.0f * d2, b = d3 - 4.0f * d1, e = d4 - d2, f = 2.0f * (d3 - d1);
    t[0] = 4.0f * d[0] - 5.0f * d2 + d4;
    t[t_step] = a + b;
    t[2 * t_step] = a - b;
    t[3 * t_step] = e + f;
    t[4 * t_step] = e - f;
    t[5 * t_step] = 4.0f * d1 - 5.0f * d3 + d[5 * step];
}

/* One vector of channels of the tile at (i, j); `whole`: all its pixels lie inside the image. */
YL__INLINE void yl__input_vector(const yl__picture *p, const float *from, int64_t i, int64_t j, int64_t count,
                                 const bool whole, float *to, int64_t plane)
{
    yl__vec d[YL_PLACES], t[YL_PLACES];
    for (int u = 0; u < 6; u++)
        for (int v = 0; v < 6; v++) {
            bool inside = whole || (i + u >= 0 && i + u < p->h && j + v >= 0 && j + v < p->w);
            const float *at = from + (u * p->w + v) * p->c;
            d[6 * u + v] = !inside                   ? (yl__vec){0}
                           : whole || count >= YL_VL ? *(const yl__vec *)at
                                                     : yl__load_some(at, count);
        }
    for (int v = 0; v < 6; v++) yl__transform_input(d + v, 6, t + v, 6);
    for (int u = 0; u < 6; u++) yl__transform_input(t + 6 * u, 1, d + 6 * u, 1);
    for (int xi = 0; xi < YL_PLACES; xi++) *(yl__vec *)(to + xi * plane) = d[xi];
}

/* V[xi][...] = B' d B of the 6x6 tile whose first pixel is (i, j) of image n; to + xi * plane takes the channels,
 * rounded up to whole vectors. Pixels outside the image are zero. */
static inline void yl__input_tile(const yl__picture *p, int64_t n, int64_t i, int64_t j, float *to, int64_t plane)
{
    bool inside = i >= 0 && j >= 0 && i + 6 <= p->h && j + 6 <= p->w;
    const float *from = p->x + ((n * p->h + i) * p->w + j) * p->c;
    for (int64_t k = 0; k < p->c; k += YL_VL) {
        if (inside && p->c - k >= YL_VL)
            yl__input_vector(p, from + k, i, j, YL_VL, true, to + k, plane);
        else
            yl__input_vector(p, from + k, i, j, p->c - k, false, to + k, plane);
    }
}

#endif
