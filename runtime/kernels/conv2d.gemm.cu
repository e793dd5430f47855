/* Convolution as an implicit matrix product: no copy of x is made, its pixels are looked up (conv2d.products.cuh). conv2d.h has the
 * formula. */
#include "kernels/conv2d.cuh"
#include "kernels/conv2d.products.cuh"
#include "kernels/gemm.cuh"

static bool supports(const yl_ctx *, const yl_conv2d_geom *g, yl_direction)
{
    int64_t pixels = g->oc / g->groups > g->n * g->oh * g->ow ? g->oc / g->groups : g->n * g->oh * g->ow;
    return yl__cuda_accepts(g->dtype) && g->groups * YL__CONV_PARTS <= 65535 && pixels < ((int64_t)1 << 36) &&
           g->c < 65535 * 64;
}

/* What the tiles' empty corners cost counts too. */
static double cost(const yl_conv2d_geom *g, yl_direction)
{
    double n = (double)(g->oc / g->groups), full = (double)((g->oc / g->groups + YL__TILE - 1) / YL__TILE * YL__TILE);
    return yl_conv2d_work(g) * full / n;
}

static size_t scratch_bytes(const yl_ctx *, const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? (size_t)(yl__conv_parts(g) * yl__conv_weight_count(g)) * sizeof(float) : 0;
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
    return yl__launch_each(ctx, "conv2d pack", yl__conv_weight_count(g), scale_weights, yl__conv_weight_count(g),
                           yl__conv_weight_count(g) / g->oc, weight, scale, (float *)packed);
}

template <class T>
static yl_status run_typed(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    int64_t pixels = g->n * g->oh * g->ow, cg = g->c / g->groups, og = g->oc / g->groups, taps = g->kh * g->kw;
    if (d == YL_FORWARD)
        return yl__gemm<yl__conv_forward<T>>(ctx, "conv2d forward", *g, pixels, og, taps * cg, g->groups, 1, r->x,
                                             r->packed, r->bias, r->y);
    if (d == YL_BACKWARD_DATA)
        return yl__gemm<yl__conv_data<T>>(ctx, "conv2d backward data", {*g, r->beta}, g->n * g->h * g->w, cg, taps * og,
                                          g->groups, 1, r->dy, r->packed, NULL, r->dx);
    int parts = yl__conv_parts(g);
    float *partial = (float *)r->scratch;
    YL_TRY(yl__gemm<yl__conv_weights<T>>(ctx, "conv2d backward weights", *g, og, taps * cg, pixels, g->groups, parts,
                                         r->dy, r->x, NULL, partial));
    return yl__launch_each(ctx, "conv2d backward weights", yl__conv_weight_count(g), yl__conv_add_parts<float>,
                           yl__conv_weight_count(g), parts, partial, r->dweight);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    return YL_TYPED(g->dtype, T, run_typed<T>(ctx, g, d, r));
}

const yl_conv2d_algo YL_CUDA(conv2d_gemm) = {"gemm", supports, cost, scratch_bytes, packed_bytes, yl__conv2d_pack_plain,
                                             run};
