/* The convolution's algorithms on a GPU, and the gradient of the bias. */
#include "kernels/columns.cuh"
#include "kernels/conv2d.cuh"
#include "kernels/cudnn.cuh"

yl_status YL_CUDA(conv2d_algorithms)(const yl_conv2d_algo *const **list)
{
    static const yl_conv2d_algo *const own[] = {&YL_CUDA(conv2d_depthwise), &YL_CUDA(conv2d_mma), &YL_CUDA(conv2d_gemm),
                                                NULL};
    static const yl_conv2d_algo *const all[] = {
        own[0], own[1], own[2], &YL_CUDA(conv2d_cudnn), &YL_CUDA(conv2d_cudnn_2), &YL_CUDA(conv2d_cudnn_3), NULL};
    int version;
    *list = yl__cudnn_version(&version) == YL_OK ? all : own;
    return YL_OK;
}

struct plain {
    enum { count = 1 };
    static __device__ void add(float *sums, float x, float, float)
    {
        sums[0] += x;
    }
};

static __global__ void add_totals(int64_t cols, int parts, const double *partial, float *sums)
{
    YL_EACH(j, cols) sums[j] += (float)yl__column_total<plain>(partial, cols, parts, j, 0);
}

/* The device's own results hold the parts' sums: so many columns at most. */
yl_status YL_CUDA(column_sums)(const yl_ctx *ctx, const yl_columns_geom *g, const void *x, float *sums)
{
    double *partial = (double *)yl__cuda_state_of(ctx)->results;
    int64_t most = YL__CUDA_RESULTS / (int64_t)sizeof(double);
    if (g->cols > most)
        return yl__fail(YL_UNSUPPORTED, "column_sums: expected at most %lld columns on %s, got %lld", (long long)most,
                        ctx->device->name, (long long)g->cols);
    int parts = yl__column_parts(g->rows, YL__CUDA_RESULTS, (size_t)g->cols * sizeof(double));
    YL_TRY(YL_TYPED(g->dtype, T,
                    yl__column_sums<plain>(ctx, "column_sums", g->rows, g->cols, parts, (const T *)x, (const T *)NULL,
                                           (const T *)NULL, partial)));
    return yl__launch_each(ctx, "column_sums", g->cols, add_totals, g->cols, parts, partial, sums);
}
