/* Convolution on tensor cores: the implicit matrix products of conv2d.products.cuh, of bf16 and f16, and of f32 where TF32 is allowed.
 * conv2d.h has the formula.
 *
 * Operands are fetched by 16 bytes, so the channels of a group (of the output: backward data; of both: backward weights) have to be a
 * multiple of 8 (of f32: of 4). Weights are packed: rounded to the type of the activations, with the channels that are summed over side by
 * side. */
#include "kernels/conv2d.cuh"
#include "kernels/conv2d.products.cuh"
#include "kernels/mma.cuh"

template <class T> struct mma_forward : yl__conv_forward<T> {
    typedef yl__conv_forward<T> base;
    typedef T number;
    enum { a_along_k = true, b_along_k = true };
    static __device__ const T *a_at(const yl_conv2d_geom &g, const T *x, const typename base::row &r,
                                    const typename base::depth &d)
    {
        return yl__conv_x_where(g, x, r.p, d.t, r.first);
    }
    static __device__ const T *b_at(const yl_conv2d_geom &, const T *w, const typename base::depth &d,
                                    const typename base::col &c)
    {
        return w + c + d.k;
    }
};

template <class T> struct mma_data : yl__conv_data<T> {
    typedef yl__conv_data<T> base;
    typedef T number;
    struct depth : base::depth {
        int64_t k;
    };
    enum { a_along_k = true, b_along_k = true };
    static __device__ typename base::col col_at(const yl__conv_data_geom &g, int z, int64_t n)
    {
        const yl_conv2d_geom &c = g.conv;
        return (z * (c.c / c.groups) + n) * c.kh * c.kw * (c.oc / c.groups);
    }
    static __device__ depth depth_at(const yl__conv_data_geom &g, int z, int64_t k)
    {
        return {base::depth_at(g, z, k), k};
    }
    static __device__ const T *a_at(const yl__conv_data_geom &g, const T *dy, const typename base::row &p,
                                    const depth &d)
    {
        return yl__conv_dy_where(g.conv, dy, p, d.t);
    }
    static __device__ const T *b_at(const yl__conv_data_geom &, const T *w, const depth &d, const typename base::col &c)
    {
        return w + c + d.k;
    }
};

template <class T> struct mma_weights : yl__conv_weights<T> {
    typedef yl__conv_weights<T> base;
    typedef T number;
    enum { a_along_k = false, b_along_k = false };
    static __device__ const T *a_at(const yl_conv2d_geom &g, const T *dy, const typename base::row &o,
                                    const typename base::depth &d)
    {
        return dy + d.k * g.oc + o;
    }
    static __device__ const T *b_at(const yl_conv2d_geom &g, const T *x, const typename base::depth &d,
                                    const typename base::col &c)
    {
        return yl__conv_x_where(g, x, d.p, c.t, c.first);
    }
};

static bool supports(const yl_ctx *, const yl_conv2d_geom *g, yl_direction d)
{
    int64_t in = g->c / g->groups, out = g->oc / g->groups, by = 16 / (int64_t)yl_dtype_bytes(g->dtype);
    if ((!yl_is_half(g->dtype) && !(g->dtype == YL_F32 && g->tf32)) || (d != YL_BACKWARD_DATA && in % by) ||
        (d != YL_FORWARD && out % by))
        return false;
    int64_t pixels = g->n * (g->h * g->w > g->oh * g->ow ? g->h * g->w : g->oh * g->ow);
    return g->groups * YL__CONV_PARTS <= 65535 && pixels < INT32_MAX && in * g->kh * g->kw <= 65535 * YL__MMA_N &&
           out <= 65535 * YL__MMA_N;
}

/* What the tiles' empty corners cost counts too. */
static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t n = (d == YL_FORWARD ? g->oc : g->c) / g->groups;
    if (d == YL_BACKWARD_WEIGHTS) n *= g->kh * g->kw;
    int64_t full = (n + YL__MMA_N - 1) / YL__MMA_N * YL__MMA_N;
    return yl_conv2d_work(g) * (double)full / (double)n / (g->dtype == YL_F32 ? 4 : 8);
}

static size_t scratch_bytes(const yl_ctx *, const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? (size_t)(yl__conv_parts(g) * yl__conv_weight_count(g)) * sizeof(float) : 0;
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    bool as_they_are = d == YL_FORWARD && g->dtype == YL_F32;
    return d == YL_BACKWARD_WEIGHTS || as_they_are ? 0 : (size_t)yl__conv_weight_count(g) * yl_dtype_bytes(g->dtype);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    return yl__conv_pack(ctx, g, d == YL_BACKWARD_DATA, weight, scale, packed);
}

template <class T>
static yl_status run_typed(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    int64_t pixels = g->n * g->oh * g->ow, cg = g->c / g->groups, og = g->oc / g->groups, taps = g->kh * g->kw;
    if (d == YL_FORWARD)
        return yl__mma_gemm<mma_forward<T>>(ctx, "mma forward", *g, pixels, og, taps * cg, g->groups, 1, r->x,
                                            r->packed, r->bias, r->y);
    if (d == YL_BACKWARD_DATA)
        return yl__mma_gemm<mma_data<T>>(ctx, "mma backward data", {*g, r->beta}, g->n * g->h * g->w, cg, taps * og,
                                         g->groups, 1, r->dy, r->packed, NULL, r->dx);
    int parts = yl__conv_parts(g);
    float *partial = (float *)r->scratch;
    YL_TRY(yl__mma_gemm<mma_weights<T>>(ctx, "mma backward weights", *g, og, taps * cg, pixels, g->groups, parts, r->dy,
                                        r->x, NULL, partial));
    int64_t count = yl__conv_weight_count(g);
    return yl__launch_each(ctx, "mma backward weights", count, yl__conv_add_parts<float>, count, parts, partial,
                           r->dweight);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    return YL_TYPED(g->dtype, T, run_typed<T>(ctx, g, d, r));
}

const yl_conv2d_algo YL_CUDA(conv2d_mma) = {"mma", supports, cost, scratch_bytes, packed_bytes, pack, run};
