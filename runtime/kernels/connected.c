/* Fully connected layers on the CPU, as matrix products of OpenBLAS (row-major): connected.h has the formulas. */
#include "kernels/kernels.h"

#include <cblas.h>
#include <string.h>

yl_status YL_CPU(connected_forward)(const yl_ctx *ctx, const yl_connected_geom *g, const void *x, const float *weight,
                                    const float *bias, void *y)
{
    (void)ctx;
    for (int64_t i = 0; bias && i < g->n; i++) memcpy((float *)y + i * g->out, bias, (size_t)g->out * sizeof *bias);
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)g->n, (int)g->out, (int)g->in, 1, x, (int)g->in, weight,
                (int)g->in, bias ? 1 : 0, y, (int)g->out);
    return YL_OK;
}

yl_status YL_CPU(connected_backward_data)(const yl_ctx *ctx, const yl_connected_geom *g, const void *dy,
                                          const float *weight, void *dx, float beta)
{
    (void)ctx;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (int)g->n, (int)g->in, (int)g->out, 1, dy, (int)g->out,
                weight, (int)g->in, beta, dx, (int)g->in);
    return YL_OK;
}

yl_status YL_CPU(connected_backward_params)(const yl_ctx *ctx, const yl_connected_geom *g, const void *x,
                                            const void *dy, float *dweight, float *dbias)
{
    (void)ctx;
    if (dweight)
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (int)g->out, (int)g->in, (int)g->n, 1, dy, (int)g->out, x,
                    (int)g->in, 1, dweight, (int)g->in);
    for (int64_t i = 0; dbias && i < g->n; i++)
        for (int64_t k = 0; k < g->out; k++) dbias[k] += ((const float *)dy)[i * g->out + k];
    return YL_OK;
}
