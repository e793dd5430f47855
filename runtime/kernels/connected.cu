/* The fully connected layer as matrix products: the formulas stand in connected.h. */
#include "kernels/matmul.cuh"

yl_status YL_CUDA(connected_forward)(const yl_ctx *ctx, const yl_connected_geom *g, const void *x, const float *weight,
                                     const float *bias, void *y)
{
    yl_matmul_geom m = {.m = g->n, .n = g->out, .k = g->in, .lda = g->in, .ldb = g->in, .ldc = g->out, .bt = true};
    return YL_TYPED(g->dtype, T, yl__plain_gemm(ctx, "connected_forward", m, (const T *)x, weight, bias, (T *)y));
}

yl_status YL_CUDA(connected_backward_data)(const yl_ctx *ctx, const yl_connected_geom *g, const void *dy,
                                           const float *weight, void *dx, float beta)
{
    yl_matmul_geom m = {.m = g->n, .n = g->in, .k = g->out, .lda = g->out, .ldb = g->in, .ldc = g->in, .beta = beta};
    return YL_TYPED(g->dtype, T,
                    yl__plain_gemm(ctx, "connected_backward_data", m, (const T *)dy, weight, NULL, (T *)dx));
}

template <class T> static __global__ void add_bias(yl_connected_geom g, const T *dy, float *dbias)
{
    YL_EACH(k, g.out)
    {
        float sum = dbias[k];
        for (int64_t i = 0; i < g.n; i++) sum += dy[i * g.out + k];
        dbias[k] = sum;
    }
}

yl_status YL_CUDA(connected_backward_params)(const yl_ctx *ctx, const yl_connected_geom *g, const void *x,
                                             const void *dy, float *dweight, float *dbias)
{
    yl_matmul_geom m = {.m = g->out,
                        .n = g->in,
                        .k = g->n,
                        .lda = g->out,
                        .ldb = g->in,
                        .ldc = g->in,
                        .at = true,
                        .bt = false,
                        .beta = 1};
    if (dweight)
        YL_TRY(
            YL_TYPED(g->dtype, T,
                     yl__plain_gemm(ctx, "connected_backward_params", m, (const T *)dy, (const T *)x, NULL, dweight)));
    if (!dbias) return YL_OK;
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "connected_backward_params", g->out, add_bias<T>, *g, (const T *)dy, dbias));
}
