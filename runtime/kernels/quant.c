/* Quantised numbers on the CPU: quant.h has the formulas. */
#include "kernels/kernels.h"
#include "kernels/quant.formulas.h"

yl_status YL_CPU(quant_to_bytes)(const yl_ctx *ctx, const yl_quant_geom *g, const float *x, uint8_t *y)
{
    float inverse = 1.0f / g->quant.scale;
    int32_t zero = g->quant.zero;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) y[i] = yl__quant_byte(x[i], inverse, zero);
    return YL_OK;
}

yl_status YL_CPU(quant_to_floats)(const yl_ctx *ctx, const yl_quant_geom *g, const uint8_t *x, float *y)
{
    yl_quant quant = g->quant;
    (void)ctx;
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) y[i] = yl_quant_real(quant, x[i]);
    return YL_OK;
}
