/* Convolution as an implicit matrix product: no copy of x is made, its pixels are looked up. conv2d.h has the formula.
 *
 *   forward           m: output pixels     n: output channels     k: taps and input channels
 *   backward data     m: input pixels      n: input channels      k: taps and output channels
 *   backward weights  m: output channels   n: taps and channels   k: output pixels, split into parts that are added in order */
#include "kernels/activation.formulas.h"
#include "kernels/conv2d.cuh"
#include "kernels/gemm.cuh"

enum { MOST_PARTS = 64, PART = 4096 }; /* output pixels per part at least */

/* 32 bits each: with 64, the kernel of the inputs' gradients needs more registers than a thread may have. */
struct tap {
    int u, v, c; /* row and column of the kernel, channel of the group */
};

struct place {
    int n, i, j;
};

static __device__ tap tap_at(const yl_conv2d_geom &g, int64_t index, int64_t channels)
{
    return {int(index / channels / g.kw), int(index / channels % g.kw), int(index % channels)};
}

static __device__ place place_at(int64_t index, int64_t h, int64_t w)
{
    return {int(index / w / h), int(index / w % h), int(index % w)};
}

/* x at a tap of an output pixel, channel `first` + tap.c; 0 outside. */
template <class T>
static __device__ float x_at(const yl_conv2d_geom &g, const T *x, const place &p, const tap &t, int64_t first)
{
    int64_t r = p.i * g.sh - g.pt + t.u * g.dh, s = p.j * g.sw - g.pl + t.v * g.dw;
    if (r < 0 || r >= g.h || s < 0 || s >= g.w) return 0.0f;
    return x[((p.n * g.h + r) * g.w + s) * g.c + first + t.c];
}

template <class T> struct conv_forward {
    typedef T left;
    typedef float right;
    typedef T out;
    typedef yl_conv2d_geom geom;
    struct row {
        place p;
        int64_t first;
    };
    typedef int64_t col;
    struct depth {
        tap t;
        int64_t k;
    };
    static __device__ row row_at(const geom &g, int z, int64_t m)
    {
        return {place_at(m, g.oh, g.ow), z * (g.c / g.groups)};
    }
    static __device__ col col_at(const geom &g, int z, int64_t n)
    {
        return (z * (g.oc / g.groups) + n) * g.kh * g.kw * (g.c / g.groups);
    }
    static __device__ depth depth_at(const geom &g, int, int64_t k)
    {
        return {tap_at(g, k, g.c / g.groups), k};
    }
    static __device__ float a(const geom &g, const left *x, const row &r, const depth &d)
    {
        return x_at(g, x, r.p, d.t, r.first);
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

struct data_geom {
    yl_conv2d_geom conv;
    float beta;
};

template <class T> struct conv_data {
    typedef T left;
    typedef float right;
    typedef T out;
    typedef data_geom geom;
    typedef place row;
    typedef int64_t col;
    struct depth {
        tap t; /* c: output channel, of all */
    };
    static __device__ row row_at(const geom &g, int, int64_t m)
    {
        return place_at(m, g.conv.h, g.conv.w);
    }
    static __device__ col col_at(const geom &, int, int64_t n)
    {
        return n;
    }
    static __device__ depth depth_at(const geom &g, int z, int64_t k)
    {
        int64_t channels = g.conv.oc / g.conv.groups;
        tap t = tap_at(g.conv, k, channels);
        return {{t.u, t.v, int(z * channels) + t.c}};
    }
    static __device__ float a(const geom &geom, const left *dy, const row &p, const depth &d)
    {
        const yl_conv2d_geom &g = geom.conv;
        int64_t r = p.i + g.pt - d.t.u * g.dh, s = p.j + g.pl - d.t.v * g.dw;
        if (r < 0 || s < 0 || r % g.sh || s % g.sw || r / g.sh >= g.oh || s / g.sw >= g.ow) return 0.0f;
        return dy[((p.n * g.oh + r / g.sh) * g.ow + s / g.sw) * g.oc + d.t.c];
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

template <class T> struct conv_weights {
    typedef T left;
    typedef T right;
    typedef float out;
    typedef yl_conv2d_geom geom;
    typedef int64_t row;
    struct col {
        tap t;
        int64_t first;
    };
    struct depth {
        place p;
        int64_t k;
    };
    static __device__ row row_at(const geom &g, int z, int64_t m)
    {
        return z * (g.oc / g.groups) + m;
    }
    static __device__ col col_at(const geom &g, int z, int64_t n)
    {
        return {tap_at(g, n, g.c / g.groups), z * (g.c / g.groups)};
    }
    static __device__ depth depth_at(const geom &g, int, int64_t k)
    {
        return {place_at(k, g.oh, g.ow), k};
    }
    static __device__ float a(const geom &g, const left *dy, const row &o, const depth &d)
    {
        return dy[d.k * g.oc + o];
    }
    static __device__ float b(const geom &g, const right *x, const depth &d, const col &c)
    {
        return x_at(g, x, d.p, c.t, c.first);
    }
    static __device__ void store(const geom &g, int z, int part, int64_t m, int64_t n, float sum, const float *,
                                 out *partial)
    {
        int64_t size = g.kh * g.kw * (g.c / g.groups);
        partial[part * g.oc * size + (z * (g.oc / g.groups) + m) * size + n] = sum;
    }
};

static bool supports(const yl_conv2d_geom *g, yl_direction)
{
    int64_t pixels = g->oc / g->groups > g->n * g->oh * g->ow ? g->oc / g->groups : g->n * g->oh * g->ow;
    return yl__cuda_accepts(g->dtype) && g->groups * MOST_PARTS <= 65535 && pixels < ((int64_t)1 << 36) &&
           g->c < 65535 * 64;
}

/* What the tiles' empty corners cost counts too. */
static double cost(const yl_conv2d_geom *g, yl_direction)
{
    double n = (double)(g->oc / g->groups), full = (double)((g->oc / g->groups + YL__TILE - 1) / YL__TILE * YL__TILE);
    return yl_conv2d_work(g) * full / n;
}

/* A function of the sizes alone, so that a sum does not depend on the device. */
static int parts_of(const yl_conv2d_geom *g)
{
    int64_t parts = (g->n * g->oh * g->ow + PART - 1) / PART;
    return parts > MOST_PARTS ? MOST_PARTS : (int)parts;
}

static int64_t weights_of(const yl_conv2d_geom *g)
{
    return g->oc * g->kh * g->kw * (g->c / g->groups);
}

static size_t scratch_bytes(const yl_ctx *, const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? (size_t)(parts_of(g) * weights_of(g)) * sizeof(float) : 0;
}

static size_t packed_bytes(const yl_conv2d_geom *, yl_direction)
{
    return 0;
}

static __global__ void scale_weights(int64_t count, int64_t size, const float *weight, const float *scale,
                                     float *packed)
{
    YL_EACH(i, count) packed[i] = weight[i] * (scale ? scale[i / size] : 1.0f);
}

yl_status yl__conv2d_pack_plain(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction, const float *weight,
                                const float *scale, void *packed)
{
    return yl__launch_each(ctx, "conv2d pack", weights_of(g), scale_weights, weights_of(g), weights_of(g) / g->oc,
                           weight, scale, (float *)packed);
}

static __global__ void add_parts(int64_t count, int parts, const float *partial, float *dweight)
{
    YL_EACH(i, count)
    {
        float sum = 0;
        for (int p = 0; p < parts; p++) sum += partial[p * count + i];
        dweight[i] += sum;
    }
}

template <class T>
static yl_status run_typed(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    int64_t pixels = g->n * g->oh * g->ow, cg = g->c / g->groups, og = g->oc / g->groups, taps = g->kh * g->kw;
    if (d == YL_FORWARD)
        return yl__gemm<conv_forward<T>>(ctx, "conv2d forward", *g, pixels, og, taps * cg, g->groups, 1, r->x,
                                         r->packed, r->bias, r->y);
    if (d == YL_BACKWARD_DATA)
        return yl__gemm<conv_data<T>>(ctx, "conv2d backward data", {*g, r->beta}, g->n * g->h * g->w, cg, taps * og,
                                      g->groups, 1, r->dy, r->packed, NULL, r->dx);
    int parts = parts_of(g);
    float *partial = (float *)r->scratch;
    YL_TRY(yl__gemm<conv_weights<T>>(ctx, "conv2d backward weights", *g, og, taps * cg, pixels, g->groups, parts, r->dy,
                                     r->x, NULL, partial));
    return yl__launch_each(ctx, "conv2d backward weights", weights_of(g), add_parts, weights_of(g), parts, partial,
                           r->dweight);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    return YL_TYPED(g->dtype, T, run_typed<T>(ctx, g, d, r));
}

const yl_conv2d_algo YL_CUDA(conv2d_gemm) = {"gemm", supports, cost, scratch_bytes, packed_bytes, yl__conv2d_pack_plain,
                                             run};
