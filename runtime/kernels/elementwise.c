/* Elementwise helpers that several layers share. */
#include "kernels/kernels.h"

/* y[i] = a * x[i] + b * y[i]; with b = 0 whatever y held before is ignored, a NaN too. */
yl_status YL_CPU(axpby)(const yl_ctx *ctx, int64_t count, float a, const float *x, float b, float *y)
{
    if (b == 0) {
#pragma omp parallel for simd num_threads(ctx->threads) schedule(static)
        for (int64_t i = 0; i < count; i++) y[i] = a * x[i];
    } else {
#pragma omp parallel for simd num_threads(ctx->threads) schedule(static)
        for (int64_t i = 0; i < count; i++) y[i] = a * x[i] + b * y[i];
    }
    return YL_OK;
}
