/* A core of a tensor train as one matrix product over batch and rest: the formulas stand in tensor_train.h. */
#include "kernels/gemm.cuh"

/* Where element (b, k, e) lies, for column (b, e) of a product whose other side counts `height`. */
struct tt_place {
    int64_t b, e;
};

static __device__ inline tt_place place_of(int64_t n, int64_t rest)
{
    tt_place p = {n / rest, n % rest};
    return p;
}

/* A geometry and beta, which is for what is stored. */
struct tt_scaled {
    yl_tensor_train_geom g;
    float beta;
};

/* Of products whose columns are (b, e). */
struct tt_over_columns {
    typedef tt_scaled geom;
    typedef int64_t row, depth;
    typedef tt_place col;
    static __device__ row row_at(const geom &, int, int64_t m)
    {
        return m;
    }
    static __device__ col col_at(const geom &s, int, int64_t n)
    {
        return place_of(n, s.g.rest);
    }
    static __device__ depth depth_at(const geom &, int, int64_t k)
    {
        return k;
    }
};

/* y {rows, (b, e)} = weight {rows, inner} x {inner, (b, e)} */
template <class T> struct tt_forward : tt_over_columns {
    typedef float left;
    typedef T right;
    typedef T out;
    static __device__ float a(const geom &s, const left *weight, row m, depth k)
    {
        return weight[m * s.g.inner + k];
    }
    static __device__ float b(const geom &s, const right *x, depth k, const col &c)
    {
        return x[(c.b * s.g.inner + k) * s.g.rest + c.e];
    }
    static __device__ void store(const geom &s, int, int, int64_t m, int64_t n, float sum, const float *bias, out *y)
    {
        tt_place c = place_of(n, s.g.rest);
        int64_t at = (c.b * s.g.rows + m) * s.g.rest + c.e;
        y[at] = sum + (bias ? bias[at % s.g.outputs] : 0.0f);
    }
};

/* dx {inner, (b, e)} = weight^T dy {rows, (b, e)} */
template <class T> struct tt_backward_data : tt_over_columns {
    typedef float left;
    typedef T right;
    typedef T out;
    static __device__ float a(const geom &s, const left *weight, row m, depth k)
    {
        return weight[k * s.g.inner + m];
    }
    static __device__ float b(const geom &s, const right *dy, depth k, const col &c)
    {
        return dy[(c.b * s.g.rows + k) * s.g.rest + c.e];
    }
    static __device__ void store(const geom &s, int, int, int64_t m, int64_t n, float sum, const float *, out *dx)
    {
        tt_place c = place_of(n, s.g.rest);
        out *at = dx + (c.b * s.g.inner + m) * s.g.rest + c.e;
        *at = s.beta == 0 ? sum : s.beta * *at + sum;
    }
};

/* dweight {rows, inner} += dy {rows, (b, e)} x {inner, (b, e)}^T */
template <class T> struct tt_backward_params {
    typedef T left;
    typedef T right;
    typedef float out;
    typedef tt_scaled geom;
    typedef int64_t row, col;
    typedef tt_place depth;
    static __device__ row row_at(const geom &, int, int64_t m)
    {
        return m;
    }
    static __device__ col col_at(const geom &, int, int64_t n)
    {
        return n;
    }
    static __device__ depth depth_at(const geom &s, int, int64_t k)
    {
        return place_of(k, s.g.rest);
    }
    static __device__ float a(const geom &s, const left *dy, row m, const depth &d)
    {
        return dy[(d.b * s.g.rows + m) * s.g.rest + d.e];
    }
    static __device__ float b(const geom &s, const right *x, const depth &d, col n)
    {
        return x[(d.b * s.g.inner + n) * s.g.rest + d.e];
    }
    static __device__ void store(const geom &s, int, int, int64_t m, int64_t n, float sum, const float *, out *dweight)
    {
        dweight[m * s.g.inner + n] += sum;
    }
};

yl_status YL_CUDA(tensor_train_forward)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x,
                                        const float *weight, const float *bias, void *y)
{
    tt_scaled s = {*g, 0};
    return YL_TYPED(g->dtype, T,
                    yl__gemm<tt_forward<T>>(ctx, "tensor_train_forward", s, g->rows, g->batch * g->rest, g->inner, 1, 1,
                                            weight, x, bias, y));
}

yl_status YL_CUDA(tensor_train_backward_data)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *dy,
                                              const float *weight, void *dx, float beta)
{
    tt_scaled s = {*g, beta};
    return YL_TYPED(g->dtype, T,
                    yl__gemm<tt_backward_data<T>>(ctx, "tensor_train_backward_data", s, g->inner, g->batch * g->rest,
                                                  g->rows, 1, 1, weight, dy, NULL, dx));
}

yl_status YL_CUDA(tensor_train_backward_params)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x,
                                                const void *dy, float *dweight)
{
    tt_scaled s = {*g, 0};
    return YL_TYPED(g->dtype, T,
                    yl__gemm<tt_backward_params<T>>(ctx, "tensor_train_backward_params", s, g->rows, g->inner,
                                                    g->batch * g->rest, 1, 1, dy, x, NULL, dweight));
}
