/* What Winograd's forward, backward-data and backward-weights directions share: the points, and the transform of input tiles.
 *
 * Polynomials are evaluated at some numbers +-p, at infinity and, where the tile has an even side, at 0. For 4x4 outputs the points 0, +-1,
 * +-2 give the familiar matrices, whose numbers are exact. For 5x5 outputs +-1/2, +-1, +-2 are as accurate: 4.1e-6 of the outputs' root mean
 * square beside 3.9e-6 (f32, 512 channels of noise). Factors of bf16 are rounded after the transform, so what it does to the error counts,
 * and it does less where the points lie around 1 (Barabasz et al. 2020, "Error analysis and improving the accuracy of Winograd convolution
 * for deep neural networks"): 1.1 % of the outputs' root mean square instead of 2.1 % (256 channels of noise; 0.24 % without a transform). */
#ifndef YL_KERNELS_CONV2D_WINOGRAD_H
#define YL_KERNELS_CONV2D_WINOGRAD_H

#include "kernels/kernels.h"
#include "kernels/slab.h"
#include "kernels/tile.h"

#if defined(YL_OUTPUTS_5)
#define YL__WINOGRAD(name) YL_CPU(conv2d_winograd5##name)
#define P 0.5f
#define Q 1.0f
#define R 2.0f
#elif defined(YL_FACTORS_BF16)
#define YL__WINOGRAD(name) YL_CPU(conv2d_winograd_bf16##name)
#define P 0.6875f
#define Q 1.375f
#else
#define YL__WINOGRAD(name) YL_CPU(conv2d_winograd##name)
#define P 1.0f
#define Q 2.0f
#endif
#define PP (P * P)
#define QQ (Q * Q)

/* POINTS: the positive ones. OTHERS[i]: the product of (x^2 - q^2) over the others, ALL: over all of them, as coefficients of 1, x^2, x^4 and
 * so on. SHARES[i]: 1 / product of the point's distances to the others. It belongs to the point's place in any one of the three transforms;
 * that of the sums is where it costs least. */
#if defined(R)
#define RR (R * R)
enum { YL_ZERO = 0, YL_POINTS = 3 };
static const float POINTS[] = {P, Q, R};
static const float OTHERS[][3] = {{QQ * RR, -(QQ + RR), 1}, {PP * RR, -(PP + RR), 1}, {PP * QQ, -(PP + QQ), 1}};
static const float ALL[] = {-PP * QQ * RR, PP *QQ + PP *RR + QQ *RR, -(PP + QQ + RR), 1};
static const float SHARES[] = {1 / (2 * P * (PP - QQ) * (PP - RR)), 1 / (2 * Q * (QQ - PP) * (QQ - RR)),
                               1 / (2 * R * (RR - PP) * (RR - QQ))};
#else
enum { YL_ZERO = 1, YL_POINTS = 2 };
static const float POINTS[] = {P, Q};
static const float OTHERS[][2] = {{-QQ, 1}, {-PP, 1}};
static const float ALL[] = {PP * QQ, -(PP + QQ), 1};
static const float SHARES[] = {1 / (2 * PP * (PP - QQ)), 1 / (2 * QQ * (QQ - PP))};
#endif

/* Outputs of a tile and places of its transform, to a side and in all. Place 0 belongs to the point 0 where there is one, the last one to
 * infinity; yl__plus(i) and the one behind it to the points +POINTS[i] and -POINTS[i]. */
enum { YL_OUT = 2 * YL_POINTS + YL_ZERO - 1, YL_SIDE = YL_OUT + 2, YL_PLACES = YL_SIDE * YL_SIDE };

static inline int yl__plus(int i)
{
    return YL_ZERO + 2 * i;
}

YL__INLINE float yl__power(float x, int n)
{
    float y = 1;
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) y *= x;
    return y;
}

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

/* The sum of coefficients[i] * x[2 * i], i < n; the last coefficient is 1. */
YL__INLINE yl__vec yl__every_other(const yl__vec *x, int64_t step, const float *coefficients, int n)
{
    yl__vec sum = x[2 * (n - 1) * step];
#pragma GCC unroll 4
    for (int i = n - 2; i >= 0; i--) sum += coefficients[i] * x[2 * i * step];
    return sum;
}

/* t[0..YL_SIDE) = B' d[0..YL_SIDE). Without the point 0 the signs of the rows of -p are turned, as are those of G. */
YL__INLINE void yl__transform_input(const yl__vec *d, int64_t step, yl__vec *t, int64_t t_step)
{
    const yl__vec *x = d + YL_ZERO * step;
    if (YL_ZERO) t[0] = yl__every_other(d, step, ALL, YL_POINTS + 1);
#pragma GCC unroll 4
    for (int i = 0; i < YL_POINTS; i++) {
        yl__vec a = yl__every_other(x + step, step, OTHERS[i], YL_POINTS);
        yl__vec b = POINTS[i] * yl__every_other(x, step, OTHERS[i], YL_POINTS);
        t[yl__plus(i) * t_step] = a + b;
        t[(yl__plus(i) + 1) * t_step] = YL_ZERO ? a - b : b - a;
    }
    t[(YL_SIDE - 1) * t_step] = yl__every_other(x, step, ALL, YL_POINTS + 1);
}

/* t[0..YL_SIDE) = G y[0..n), G's row for the point p being (1, p, p^2 ...); n 3 for a kernel, YL_OUT for gradients. */
YL__INLINE void yl__transform_factor(const yl__vec *y, int64_t step, int n, yl__vec *t, int64_t t_step)
{
    if (YL_ZERO) t[0] = y[0];
#pragma GCC unroll 4
    for (int i = 0; i < YL_POINTS; i++) {
        yl__vec sums[2] = {y[0], POINTS[i] * y[step]}; /* of even and odd powers */
#pragma GCC unroll 8
        for (int k = 2; k < n; k++) sums[k & 1] += y[k * step] * yl__power(POINTS[i], k);
        t[yl__plus(i) * t_step] = sums[0] + sums[1];
        t[(yl__plus(i) + 1) * t_step] = sums[0] - sums[1];
    }
    t[(YL_SIDE - 1) * t_step] = y[(n - 1) * step];
}

/* t[0..n) = A' m[0..YL_SIDE); n YL_OUT for outputs, 3 for a kernel's gradient. */
YL__INLINE void yl__transform_back(const yl__vec *m, int64_t step, int n, yl__vec *t, int64_t t_step)
{
    yl__vec both[2][YL_POINTS]; /* sum and difference of what belongs to +p and -p */
#pragma GCC unroll 4
    for (int i = 0; i < YL_POINTS; i++) {
        yl__vec plus = m[yl__plus(i) * step], minus = m[(yl__plus(i) + 1) * step];
        both[0][i] = plus + minus, both[1][i] = plus - minus;
    }
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) {
        yl__vec sum = yl__power(POINTS[0], k) * SHARES[0] * both[k & 1][0];
#pragma GCC unroll 4
        for (int i = 1; i < YL_POINTS; i++) sum += yl__power(POINTS[i], k) * SHARES[i] * both[k & 1][i];
        if (YL_ZERO && k == 0) sum += m[0] * (1 / ALL[0]);
        if (k == n - 1) sum += m[(YL_SIDE - 1) * step];
        t[k * t_step] = sum;
    }
}

static inline bool yl__tile_inside(const yl__picture *p, int64_t i, int64_t j)
{
    return i >= 0 && j >= 0 && i + YL_SIDE <= p->h && j + YL_SIDE <= p->w;
}

/* B' d B of a vector of channels from k on of the tile whose first pixel is (i, j) of image n. `whole`: the tile lies inside the image, and
 * the channels are no fewer; else pixels outside are zero, and so are channels behind the last one. */
YL__INLINE void yl__input_vector(const yl__picture *p, int64_t n, int64_t i, int64_t j, int64_t k, const bool whole,
                                 yl__vec d[YL_PLACES])
{
    const float *from = p->x + ((n * p->h + i) * p->w + j) * p->c + k;
    int64_t count = p->c - k;
    yl__vec t[YL_PLACES];
    for (int u = 0; u < YL_SIDE; u++)
        for (int v = 0; v < YL_SIDE; v++) {
            bool inside = whole || (i + u >= 0 && i + u < p->h && j + v >= 0 && j + v < p->w);
            const float *at = from + (u * p->w + v) * p->c;
            d[YL_SIDE * u + v] = !inside                   ? (yl__vec){0}
                                 : whole || count >= YL_VL ? *(const yl__vec *)at
                                                           : yl__load_some(at, count);
        }
    for (int v = 0; v < YL_SIDE; v++) yl__transform_input(d + v, YL_SIDE, t + v, YL_SIDE);
    for (int u = 0; u < YL_SIDE; u++) yl__transform_input(t + YL_SIDE * u, 1, d + YL_SIDE * u, 1);
}

#endif
