/* The convolution as products of matrices that are looked up: what gemm.cuh asks of an operation, for each direction.
 *
 *   forward           m: output pixels     n: output channels     k: taps and input channels
 *   backward data     m: input pixels      n: input channels      k: taps and output channels
 *   backward weights  m: output channels   n: taps and channels   k: output pixels, split into parts that are added in order */
#ifndef YL_KERNELS_CONV2D_PRODUCTS_CUH
#define YL_KERNELS_CONV2D_PRODUCTS_CUH

#include "kernels/activation.formulas.h"
#include "kernels/launch.cuh"

enum { YL__CONV_PARTS = 64, YL__CONV_PART = 4096 }; /* output pixels per part at least */

/* 32 bits each: with 64, the kernel of the inputs' gradients needs more registers than a thread may have. */
struct yl__conv_tap {
    int u, v, c; /* row and column of the kernel, channel of the group */
};

struct yl__conv_place {
    int n, i, j;
};

static __device__ inline yl__conv_tap yl__conv_tap_at(const yl_conv2d_geom &g, int64_t index, int64_t channels)
{
    return {int(index / channels / g.kw), int(index / channels % g.kw), int(index % channels)};
}

static __device__ inline yl__conv_place yl__conv_place_at(int64_t index, int64_t h, int64_t w)
{
    return {int(index / w / h), int(index / w % h), int(index % w)};
}

/* Where x lies at a tap of an output pixel, channel `first` + t.c; NULL outside. */
template <class T>
static __device__ inline const T *yl__conv_x_where(const yl_conv2d_geom &g, const T *x, const yl__conv_place &p,
                                                   const yl__conv_tap &t, int64_t first)
{
    int64_t r = p.i * g.sh - g.pt + t.u * g.dh, s = p.j * g.sw - g.pl + t.v * g.dw;
    if (r < 0 || r >= g.h || s < 0 || s >= g.w) return NULL;
    return x + ((p.n * g.h + r) * g.w + s) * g.c + first + t.c;
}

/* Where dy lies that an input pixel took part in by a tap, output channel t.c of all; NULL where there is none. */
template <class T>
static __device__ inline const T *yl__conv_dy_where(const yl_conv2d_geom &g, const T *dy, const yl__conv_place &p,
                                                    const yl__conv_tap &t)
{
    int64_t r = p.i + g.pt - t.u * g.dh, s = p.j + g.pl - t.v * g.dw;
    if (r < 0 || s < 0 || r % g.sh || s % g.sw || r / g.sh >= g.oh || s / g.sw >= g.ow) return NULL;
    return dy + ((p.n * g.oh + r / g.sh) * g.ow + s / g.sw) * g.oc + t.c;
}

template <class T> static __device__ inline float yl__conv_number(const T *at)
{
    return at ? (float)*at : 0.0f;
}

template <class T> struct yl__conv_forward {
    typedef T left;
    typedef float right;
    typedef T out;
    typedef yl_conv2d_geom geom;
    struct row {
        yl__conv_place p;
        int64_t first;
    };
    typedef int64_t col;
    struct depth {
        yl__conv_tap t;
        int64_t k;
    };
    static __device__ row row_at(const geom &g, int z, int64_t m)
    {
        return {yl__conv_place_at(m, g.oh, g.ow), z * (g.c / g.groups)};
    }
    static __device__ col col_at(const geom &g, int z, int64_t n)
    {
        return (z * (g.oc / g.groups) + n) * g.kh * g.kw * (g.c / g.groups);
    }
    static __device__ depth depth_at(const geom &g, int, int64_t k)
    {
        return {yl__conv_tap_at(g, k, g.c / g.groups), k};
    }
    static __device__ float a(const geom &g, const left *x, const row &r, const depth &d)
    {
        return yl__conv_number(yl__conv_x_where(g, x, r.p, d.t, r.first));
    }
    static __device__ float b(const geom &, const right *w, const depth &d, const col &c)
    {
        return w[c + d.k];
    }
    static __device__ void store(const geom &g, int z, int, int64_t m, int64_t n, float sum, const float *bias, out *y)
    {
        int64_t o = z * (g.oc / g.groups) + n;
        float value = sum + (bias ? bias[o] : 0.0f);
        yl__activate(g.act, g.leaky_slope, 1, &value);
        y[m * g.oc + o] = value;
    }
};

struct yl__conv_data_geom {
    yl_conv2d_geom conv;
    float beta;
};

template <class T> struct yl__conv_data {
    typedef T left;
    typedef float right;
    typedef T out;
    typedef yl__conv_data_geom geom;
    typedef yl__conv_place row;
    typedef int64_t col;
    struct depth {
        yl__conv_tap t; /* c: output channel, of all */
    };
    static __device__ row row_at(const geom &g, int, int64_t m)
    {
        return yl__conv_place_at(m, g.conv.h, g.conv.w);
    }
    static __device__ col col_at(const geom &, int, int64_t n)
    {
        return n;
    }
    static __device__ depth depth_at(const geom &g, int z, int64_t k)
    {
        int64_t channels = g.conv.oc / g.conv.groups;
        yl__conv_tap t = yl__conv_tap_at(g.conv, k, channels);
        return {{t.u, t.v, int(z * channels) + t.c}};
    }
    static __device__ float a(const geom &geom, const left *dy, const row &p, const depth &d)
    {
        return yl__conv_number(yl__conv_dy_where(geom.conv, dy, p, d.t));
    }
    static __device__ float b(const geom &geom, const right *w, const depth &d, const col &n)
    {
        const yl_conv2d_geom &g = geom.conv;
        return w[((d.t.c * g.kh + d.t.u) * g.kw + d.t.v) * (g.c / g.groups) + n];
    }
    static __device__ void store(const geom &g, int z, int, int64_t m, int64_t n, float sum, const float *, out *dx)
    {
        out *at = dx + m * g.conv.c + z * (g.conv.c / g.conv.groups) + n;
        *at = g.beta == 0 ? sum : g.beta * *at + sum;
    }
};

template <class T> struct yl__conv_weights {
    typedef T left;
    typedef T right;
    typedef float out;
    typedef yl_conv2d_geom geom;
    typedef int64_t row;
    struct col {
        yl__conv_tap t;
        int64_t first;
    };
    struct depth {
        yl__conv_place p;
        int64_t k;
    };
    static __device__ row row_at(const geom &g, int z, int64_t m)
    {
        return z * (g.oc / g.groups) + m;
    }
    static __device__ col col_at(const geom &g, int z, int64_t n)
    {
        return {yl__conv_tap_at(g, n, g.c / g.groups), z * (g.c / g.groups)};
    }
    static __device__ depth depth_at(const geom &g, int, int64_t k)
    {
        return {yl__conv_place_at(k, g.oh, g.ow), k};
    }
    static __device__ float a(const geom &g, const left *dy, const row &o, const depth &d)
    {
        return dy[d.k * g.oc + o];
    }
    static __device__ float b(const geom &g, const right *x, const depth &d, const col &c)
    {
        return yl__conv_number(yl__conv_x_where(g, x, d.p, c.t, c.first));
    }
    static __device__ void store(const geom &g, int z, int part, int64_t m, int64_t n, float sum, const float *,
                                 out *partial)
    {
        int64_t size = g.kh * g.kw * (g.c / g.groups);
        partial[part * g.oc * size + (z * (g.oc / g.groups) + m) * size + n] = sum;
    }
};

/* A function of the sizes alone, so that a sum does not depend on the device. */
static inline int yl__conv_parts(const yl_conv2d_geom *g)
{
    int64_t parts = (g->n * g->oh * g->ow + YL__CONV_PART - 1) / YL__CONV_PART;
    return parts > YL__CONV_PARTS ? YL__CONV_PARTS : (int)parts;
}

static inline int64_t yl__conv_weight_count(const yl_conv2d_geom *g)
{
    return g->oc * g->kh * g->kw * (g->c / g->groups);
}

/* Weights in the type of the activations, output channel o times scale[o] (NULL: 1): {oc, kh, kw, c/groups} as they are, or turned
 * {c, kh, kw, oc/groups}. */
template <class T>
static __global__ void yl__conv_pack_weights(yl_conv2d_geom g, bool turned, int64_t count, const float *weight,
                                             const float *scale, T *packed)
{
    int64_t in = g.c / g.groups, out = g.oc / g.groups, taps = g.kh * g.kw;
    YL_EACH(i, count)
    {
        int64_t o = i / in / taps, to = i;
        if (turned) to = ((o / out * in + i % in) * taps + i / in % taps) * out + o % out;
        packed[to] = weight[i] * (scale ? scale[o] : 1.0f);
    }
}

static inline yl_status yl__conv_pack(const yl_ctx *ctx, const yl_conv2d_geom *g, bool turned, const float *weight,
                                      const float *scale, void *packed)
{
    int64_t count = yl__conv_weight_count(g);
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "conv2d pack", count, yl__conv_pack_weights<T>, *g, turned, count, weight,
                                    scale, (T *)packed));
}

template <class T> static __global__ void yl__conv_add_parts(int64_t count, int parts, const T *partial, float *dweight)
{
    YL_EACH(i, count)
    {
        float sum = 0;
        for (int p = 0; p < parts; p++) sum += (float)partial[p * count + i];
        dweight[i] += sum;
    }
}

#endif
