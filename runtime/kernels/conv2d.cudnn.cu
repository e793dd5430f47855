/* Convolution through cuDNN, where it is installed: conv2d.h has the formula. Its plans for a graph are offered as algorithms cudnn, cudnn_2
 * and cudnn_3, in the order that its heuristics expect to be best, so that measuring chooses among them too.
 *
 * Forward is one graph (convolution, bias, activation) where cuDNN has an engine for that; elsewhere the convolution alone, and a kernel
 * that ends it in place. Of activations of 16 bits cuDNN takes weights and bias of that type, and gives the weights' gradient so: it lies in
 * the scratch and is added to ours in f32. */
#include "kernels/activation.formulas.h"
#include "kernels/conv2d.cuh"
#include "kernels/conv2d.products.cuh"
#include "kernels/cudnn.cuh"

#include <array>
#include <map>
#include <mutex>

enum { X = 1, W, Y, BIAS, SUM, BIASED }; /* the tensors' ids */
enum { PLANS = 3, ALIGN = 256 };

/* Plans for a geometry and a direction; empty where cuDNN has none. */
struct conv_plans {
    std::vector<yl__cudnn_plan> plain, fused, added; /* added: beta is 1 (backward data) */
};

static int type_of(const yl_conv2d_geom *g)
{
    return g->dtype == YL_F32 ? YL_CUDNN_DATA_FLOAT : g->dtype == YL_BF16 ? YL_CUDNN_DATA_BFLOAT16 : YL_CUDNN_DATA_HALF;
}

static bool multiplies_on_tensor_cores(const yl_conv2d_geom *g)
{
    return g->dtype != YL_F32 || g->tf32;
}

/* ---- graphs ---- */

static int64_t padding_behind(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t dilation, int64_t before)
{
    int64_t wanted = (out - 1) * stride + dilation * (kernel - 1) + 1 - in - before;
    return wanted > 0 ? wanted : 0;
}

static void *convolution(yl__cudnn_descriptors &all, const yl_conv2d_geom *g)
{
    const int type = YL_CUDNN_DATA_FLOAT, mode = YL_CUDNN_CROSS_CORRELATION;
    const int64_t dims = 2, dilations[] = {g->dh, g->dw}, strides[] = {g->sh, g->sw}, before[] = {g->pt, g->pl};
    const int64_t behind[] = {padding_behind(g->h, g->oh, g->kh, g->sh, g->dh, g->pt),
                              padding_behind(g->w, g->ow, g->kw, g->sw, g->dw, g->pl)};
    void *c = all.make(YL_CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_COMP_TYPE, YL_CUDNN_TYPE_DATA_TYPE, 1, &type);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_CONV_MODE, YL_CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, YL_CUDNN_TYPE_INT64, 1, &dims);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_DILATIONS, YL_CUDNN_TYPE_INT64, 2, dilations);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, YL_CUDNN_TYPE_INT64, 2, strides);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, YL_CUDNN_TYPE_INT64, 2, before);
    all.set(c, YL_CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, YL_CUDNN_TYPE_INT64, 2, behind);
    return all.finalise(c);
}

/* The convolution in a direction; `y` is its output's (or dy's) descriptor. */
static void *operation(yl__cudnn_descriptors &all, const yl_conv2d_geom *g, yl_direction d, float beta, void *y)
{
    static const struct {
        int type, x, w, y, convolution, alpha, beta;
    } names[] = {
        {YL_CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA},
        {YL_CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA},
        {YL_CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
         YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, YL_CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA},
    };
    const float alpha = 1;
    void *x = yl__cudnn_tensor(all, X, type_of(g), g->n, g->c, g->h, g->w, false);
    void *w = yl__cudnn_tensor(all, W, type_of(g), g->oc, g->c / g->groups, g->kh, g->kw, false);
    void *c = convolution(all, g), *op = all.make(names[d].type);
    all.set(op, names[d].x, x);
    all.set(op, names[d].w, w);
    all.set(op, names[d].y, y);
    all.set(op, names[d].convolution, c);
    all.set(op, names[d].alpha, YL_CUDNN_TYPE_FLOAT, 1, &alpha);
    all.set(op, names[d].beta, YL_CUDNN_TYPE_FLOAT, 1, &beta);
    return all.finalise(op);
}

/* y = mode(x, b), or mode(x) where b is NULL. */
static void *pointwise(yl__cudnn_descriptors &all, int mode, double slope, void *x, void *b, void *y)
{
    const int type = YL_CUDNN_DATA_FLOAT;
    void *p = all.make(YL_CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
    all.set(p, YL_CUDNN_ATTR_POINTWISE_MODE, YL_CUDNN_TYPE_POINTWISE_MODE, 1, &mode);
    all.set(p, YL_CUDNN_ATTR_POINTWISE_MATH_PREC, YL_CUDNN_TYPE_DATA_TYPE, 1, &type);
    if (slope != 0) all.set(p, YL_CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, YL_CUDNN_TYPE_DOUBLE, 1, &slope);
    all.finalise(p);
    void *op = all.make(YL_CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    all.set(op, YL_CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, p);
    all.set(op, YL_CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
    if (b) all.set(op, YL_CUDNN_ATTR_OPERATION_POINTWISE_BDESC, b);
    all.set(op, YL_CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    return all.finalise(op);
}

static std::vector<yl__cudnn_plan> plain_plans(const yl__cudnn *dnn, const yl_conv2d_geom *g, yl_direction d,
                                               float beta)
{
    auto all = std::make_shared<yl__cudnn_descriptors>(dnn);
    void *y = yl__cudnn_tensor(*all, Y, type_of(g), g->n, g->oc, g->oh, g->ow, false);
    void *op = operation(*all, g, d, beta, y);
    return yl__cudnn_plans(all, 1, &op, multiplies_on_tensor_cores(g), true, PLANS);
}

/* Convolution, bias and activation; none for activations that are rarer, or that cuDNN has other formulas for. */
static std::vector<yl__cudnn_plan> fused_plans(const yl__cudnn *dnn, const yl_conv2d_geom *g)
{
    bool linear = g->act == YL_ACT_linear, leaky = g->act == YL_ACT_leaky, swish = g->act == YL_ACT_swish;
    if (!linear && !leaky && !swish && g->act != YL_ACT_relu) return {};
    auto all = std::make_shared<yl__cudnn_descriptors>(dnn);
    void *y = yl__cudnn_tensor(*all, Y, type_of(g), g->n, g->oc, g->oh, g->ow, false);
    void *bias = yl__cudnn_tensor(*all, BIAS, type_of(g), 1, g->oc, 1, 1, false);
    void *sum = yl__cudnn_tensor(*all, SUM, YL_CUDNN_DATA_FLOAT, g->n, g->oc, g->oh, g->ow, true);
    void *biased = linear ? y : yl__cudnn_tensor(*all, BIASED, YL_CUDNN_DATA_FLOAT, g->n, g->oc, g->oh, g->ow, true);
    void *list[3] = {operation(*all, g, YL_FORWARD, 0, sum),
                     pointwise(*all, YL_CUDNN_POINTWISE_ADD, 0, sum, bias, biased), NULL};
    if (!linear)
        list[2] = pointwise(*all, swish ? YL_CUDNN_POINTWISE_SWISH_FWD : YL_CUDNN_POINTWISE_RELU_FWD,
                            leaky ? g->leaky_slope : 0, biased, NULL, y);
    return yl__cudnn_plans(all, linear ? 2 : 3, list, multiplies_on_tensor_cores(g), false, PLANS);
}

/* ---- plans that were made, for as long as the process lives ---- */

typedef std::array<int64_t, 24> conv_key;

static conv_key key_of(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    int32_t slope;
    memcpy(&slope, &g->leaky_slope, sizeof slope);
    return {yl__cuda_state_of(ctx)->index,
            d,
            g->n,
            g->h,
            g->w,
            g->c,
            g->oh,
            g->ow,
            g->oc,
            g->kh,
            g->kw,
            g->sh,
            g->sw,
            g->dh,
            g->dw,
            g->groups,
            g->pt,
            g->pl,
            g->dtype,
            g->tf32,
            d == YL_FORWARD ? g->act : 0,
            d == YL_FORWARD && g->act == YL_ACT_leaky ? slope : 0};
}

static const conv_plans *plans_for(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    static std::mutex mutex;
    static auto *known = new std::map<conv_key, conv_plans>; /* never destroyed: the driver may be gone by then */
    const yl__cudnn *dnn = yl__cudnn_on(ctx);
    if (!dnn) return NULL;
    std::lock_guard<std::mutex> lock(mutex);
    auto made = known->try_emplace(key_of(ctx, g, d));
    conv_plans &p = made.first->second;
    if (!made.second) return &p;
    p.plain = plain_plans(dnn, g, d, 0);
    if (d == YL_BACKWARD_DATA) p.added = plain_plans(dnn, g, d, 1);
    if (d == YL_FORWARD) p.fused = fused_plans(dnn, g);
    return &p;
}

/* ---- the algorithm ---- */

template <int rank> static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    if (!yl__cuda_accepts(g->dtype)) return false;
    const conv_plans *p = plans_for(ctx, g, d);
    return p && p->plain.size() > rank && (d != YL_BACKWARD_DATA || p->added.size() > rank);
}

/* So that our own tensor cores' algorithm is taken first where nothing is measured and its tiles are full. */
template <int rank> static double cost(const yl_conv2d_geom *g, yl_direction)
{
    double rate = g->dtype != YL_F32 ? 8 : g->tf32 ? 4 : 1;
    return yl_conv2d_work(g) / rate * (1 + 0.01 * rank);
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static const yl__cudnn_plan *of_rank(const std::vector<yl__cudnn_plan> &list, size_t rank)
{
    return list.size() > rank ? &list[rank] : NULL;
}

static size_t workspace(const conv_plans *p, size_t rank)
{
    size_t most = 0;
    for (const std::vector<yl__cudnn_plan> *list : {&p->plain, &p->fused, &p->added}) {
        const yl__cudnn_plan *plan = of_rank(*list, rank);
        if (plan && plan->workspace > most) most = plan->workspace;
    }
    return aligned(most);
}

/* The plan's workspace, and behind it the bias or the gradient in the type of the activations. */
template <int rank> static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    int64_t count = d == YL_FORWARD ? g->oc : d == YL_BACKWARD_WEIGHTS ? yl__conv_weight_count(g) : 0;
    return workspace(plans_for(ctx, g, d), rank) + aligned((size_t)count * yl_dtype_bytes(g->dtype));
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    bool as_they_are = d == YL_BACKWARD_WEIGHTS || g->dtype == YL_F32;
    return as_they_are ? 0 : (size_t)yl__conv_weight_count(g) * yl_dtype_bytes(g->dtype);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction, const float *weight, const float *scale,
                      void *packed)
{
    return yl__conv_pack(ctx, g, false, weight, scale, packed);
}

template <class T> static __global__ void round_bias(int64_t count, const float *bias, T *to)
{
    YL_EACH(i, count) to[i] = bias ? bias[i] : 0.0f;
}

template <class T> static __global__ void end_forward(yl_conv2d_geom g, int64_t count, const float *bias, T *y)
{
    YL_EACH(i, count)
    {
        float value = (float)y[i] + (bias ? bias[i % g.oc] : 0.0f);
        yl__activate(g.act, g.leaky_slope, 1, &value);
        y[i] = value;
    }
}

static yl_status run_three(const yl_ctx *ctx, const yl__cudnn_plan &plan, const void *x, const void *w, const void *y,
                           void *scratch)
{
    const int64_t uids[] = {X, W, Y};
    void *const pointers[] = {(void *)x, (void *)w, (void *)y};
    return yl__cudnn_run(ctx, plan, 3, uids, pointers, scratch);
}

static yl_status run_fused(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl__cudnn_plan &plan,
                           const yl_conv2d_run *r, void *behind)
{
    const void *bias = r->bias;
    if (!bias || g->dtype != YL_F32) {
        YL_TRY(YL_TYPED(g->dtype, T,
                        yl__launch_each(ctx, "cudnn bias", g->oc, round_bias<T>, g->oc, r->bias, (T *)behind)));
        bias = behind;
    }
    const int64_t uids[] = {X, W, Y, BIAS};
    void *const pointers[] = {(void *)r->x, (void *)r->packed, r->y, (void *)bias};
    return yl__cudnn_run(ctx, plan, 4, uids, pointers, r->scratch);
}

static yl_status run_forward(const yl_ctx *ctx, const yl_conv2d_geom *g, const conv_plans *p, size_t rank,
                             const yl_conv2d_run *r, void *behind)
{
    bool ends = !r->bias && g->act == YL_ACT_linear;
    const yl__cudnn_plan *fused = of_rank(p->fused, rank);
    if (!ends && fused) return run_fused(ctx, g, *fused, r, behind);
    YL_TRY(run_three(ctx, p->plain[rank], r->x, r->packed, r->y, r->scratch));
    if (ends) return YL_OK;
    int64_t count = g->n * g->oh * g->ow * g->oc;
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "cudnn forward", count, end_forward<T>, *g, count, r->bias, (T *)r->y));
}

template <int rank>
static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *r)
{
    const conv_plans *p = plans_for(ctx, g, d);
    void *behind = (char *)r->scratch + workspace(p, rank);
    if (d == YL_FORWARD) return run_forward(ctx, g, p, rank, r, behind);
    if (d == YL_BACKWARD_DATA)
        return run_three(ctx, r->beta == 0 ? p->plain[rank] : p->added[rank], r->dx, r->packed, r->dy, r->scratch);
    YL_TRY(run_three(ctx, p->plain[rank], r->x, behind, r->dy, r->scratch));
    int64_t count = yl__conv_weight_count(g);
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, "cudnn weights", count, yl__conv_add_parts<T>, count, 1, (const T *)behind, r->dweight));
}

#define ALGORITHM(name, rank)                                                                                          \
    const yl_conv2d_algo YL_CUDA(conv2d_##name) = {#name,        supports<rank>, cost<rank>, scratch_bytes<rank>,      \
                                                   packed_bytes, pack,           run<rank>};
ALGORITHM(cudnn, 0)
ALGORITHM(cudnn_2, 1)
ALGORITHM(cudnn_3, 2)
