/* What Winograd's forward, backward-data and backward-weights directions share: the points, and the transform of 6x6 input tiles.
 *
 * Polynomials are evaluated at 0, +-P, +-Q and infinity. P = 1, Q = 2 give the familiar matrices, whose numbers are exact. Factors of bf16
 * are rounded after the transform, so what it does to the error counts, and it does less where P and Q lie around 1 (Barabasz et al. 2020,
 * "Error analysis and improving the accuracy of Winograd convolution for deep neural networks"): 1.1 % of the outputs' root mean
 * square instead of 2.1 % (256 channels of noise; 0.24 % without a transform). */
#ifndef YL_KERNELS_CONV2D_WINOGRAD_H
#define YL_KERNELS_CONV2D_WINOGRAD_H

#include "kernels/kernels.h"
#include "kernels/slab.h"
#include "kernels/tile.h"

enum { YL_PLACES = 36 };

#ifdef YL_FACTORS_BF16
#define YL__WINOGRAD(name) YL_CPU(conv2d_winograd_bf16##name)
#define P 0.6875f
#define Q 1.375f
#else
#define YL__WINOGRAD(name) YL_CPU(conv2d_winograd##name)
#define P 1.0f
#define Q 2.0f
#endif
#define AT_0                                                                                                           \
    (1 / (P * P * Q * Q)) /* rows of G are that of the point times these: 1 / product of its distances to the others */
#define AT_P (1 / (2 * P * P * (P * P - Q * Q)))
#define AT_Q (1 / (2 * Q * Q * (Q * Q - P * P)))

/* Backward weights has a file of its own. */
size_t YL__WINOGRAD(_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g);
yl_status YL__WINOGRAD(_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run);

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
    yl__vec a = d4 - Q * Q * d2, b = P * (d3 - Q * Q * d1), e = d4 - P * P * d2, f = Q * (d3 - P * P * d1);
    t[0] = P * P * Q * Q * d[0] - (P * P + Q * Q) * d2 + d4;
    t[t_step] = a + b;
    t[2 * t_step] = a - b;
    t[3 * t_step] = e + f;
    t[4 * t_step] = e - f;
    t[5 * t_step] = P * P * Q * Q * d1 - (P * P + Q * Q) * d3 + d[5 * step];
}

static inline bool yl__tile_inside(const yl__picture *p, int64_t i, int64_t j)
{
    return i >= 0 && j >= 0 && i + 6 <= p->h && j + 6 <= p->w;
}

/* B' d B of a vector of channels from k on of the tile whose first pixel is (i, j) of image n. `whole`: the tile lies inside the image, and
 * the channels are no fewer; else pixels outside are zero, and so are channels behind the last one. */
YL__INLINE void yl__input_vector(const yl__picture *p, int64_t n, int64_t i, int64_t j, int64_t k, const bool whole,
                                 yl__vec d[YL_PLACES])
{
    const float *from = p->x + ((n * p->h + i) * p->w + j) * p->c + k;
    int64_t count = p->c - k;
    yl__vec t[YL_PLACES];
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
}

#endif
