/* Plain matrix products: rows of `at` and `bt` say how an operand lies in memory. */
#ifndef YL_KERNELS_MATMUL_CUH
#define YL_KERNELS_MATMUL_CUH

#include "kernels/gemm.cuh"

/* `extra`, where there is one, is added to every row. */
template <class Left, class Right, class Out> struct yl__plain_product {
    typedef yl_matmul_geom geom;
    typedef Left left;
    typedef Right right;
    typedef Out out;
    typedef int64_t row, col, depth;
    static __device__ row row_at(const geom &, int, int64_t m)
    {
        return m;
    }
    static __device__ col col_at(const geom &, int, int64_t n)
    {
        return n;
    }
    static __device__ depth depth_at(const geom &, int, int64_t k)
    {
        return k;
    }
    static __device__ float a(const geom &g, const left *a, row m, depth k)
    {
        return g.at ? a[k * g.lda + m] : a[m * g.lda + k];
    }
    static __device__ float b(const geom &g, const right *b, depth k, col n)
    {
        return g.bt ? b[n * g.ldb + k] : b[k * g.ldb + n];
    }
    static __device__ void store(const geom &g, int, int, int64_t m, int64_t n, float sum, const float *extra, out *c)
    {
        float value = sum + (extra ? extra[n] : 0.0f);
        out *at = c + m * g.ldc + n;
        *at = g.beta == 0 ? value : g.beta * *at + value;
    }
};

template <class Left, class Right, class Out>
yl_status yl__plain_gemm(const yl_ctx *ctx, const char *name, const yl_matmul_geom &g, const Left *a, const Right *b,
                         const float *extra, Out *c)
{
    return yl__gemm<yl__plain_product<Left, Right, Out>>(ctx, name, g, g.m, g.n, g.k, 1, 1, a, b, extra, c);
}

#endif
