/* A core of a tensor train on the CPU, as matrix products of OpenBLAS (row-major): tensor_train.h has the formulas. */
#include "kernels/kernels.h"

#include <cblas.h>

static void product(CBLAS_TRANSPOSE at, CBLAS_TRANSPOSE bt, int64_t m, int64_t n, int64_t k, const float *a,
                    const float *b, float beta, float *c)
{
    int lda = (int)(at == CblasTrans ? m : k), ldb = (int)(bt == CblasTrans ? k : n);
    cblas_sgemm(CblasRowMajor, at, bt, (int)m, (int)n, (int)k, 1, a, lda, b, ldb, beta, c, (int)n);
}

static void add_bias(const yl_ctx *ctx, const yl_tensor_train_geom *g, const float *bias, float *y)
{
    int64_t images = g->batch * g->rows * g->rest / g->outputs;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < images; i++)
        for (int64_t k = 0; k < g->outputs; k++) y[i * g->outputs + k] += bias[k];
}

yl_status YL_CPU(tensor_train_forward)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x,
                                       const float *weight, const float *bias, void *y)
{
    const float *from = x;
    float *to = y;
    if (g->rest == 1) product(CblasNoTrans, CblasTrans, g->batch, g->rows, g->inner, from, weight, 0, to);
#pragma omp parallel for num_threads(ctx->threads) schedule(static) if (g->rest > 1)
    for (int64_t b = 0; b < (g->rest > 1 ? g->batch : 0); b++)
        product(CblasNoTrans, CblasNoTrans, g->rows, g->rest, g->inner, weight, from + b * g->inner * g->rest, 0,
                to + b * g->rows * g->rest);
    if (bias) add_bias(ctx, g, bias, to);
    return YL_OK;
}

yl_status YL_CPU(tensor_train_backward_data)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *dy,
                                             const float *weight, void *dx, float beta)
{
    const float *from = dy;
    float *to = dx;
    (void)ctx;
    if (g->rest == 1) product(CblasNoTrans, CblasNoTrans, g->batch, g->inner, g->rows, from, weight, beta, to);
#pragma omp parallel for num_threads(ctx->threads) schedule(static) if (g->rest > 1)
    for (int64_t b = 0; b < (g->rest > 1 ? g->batch : 0); b++)
        product(CblasTrans, CblasNoTrans, g->inner, g->rest, g->rows, weight, from + b * g->rows * g->rest, beta,
                to + b * g->inner * g->rest);
    return YL_OK;
}

/* In order of the batch, whatever the number of threads. */
yl_status YL_CPU(tensor_train_backward_params)(const yl_ctx *ctx, const yl_tensor_train_geom *g, const void *x,
                                               const void *dy, float *dweight)
{
    const float *in = x, *out = dy;
    (void)ctx;
    if (g->rest == 1) product(CblasTrans, CblasNoTrans, g->rows, g->inner, g->batch, out, in, 1, dweight);
    for (int64_t b = 0; b < (g->rest > 1 ? g->batch : 0); b++)
        product(CblasNoTrans, CblasTrans, g->rows, g->inner, g->rest, out + b * g->rows * g->rest,
                in + b * g->inner * g->rest, 1, dweight);
    return YL_OK;
}
