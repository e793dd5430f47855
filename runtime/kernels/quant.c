/* Quantised numbers on the CPU: quant.h has the formulas. */
#include "kernels/bytes.h"
#include "kernels/kernels.h"

yl_status YL_CPU(quant_to_bytes)(const yl_ctx *ctx, const yl_quant_geom *g, const float *x, uint8_t *y)
{
    float inverse = 1.0f / g->quant.scale;
    int32_t zero = g->quant.zero;
    const int64_t each = YL_BYTE_VECTORS * YL_VL, whole = g->count / each;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < whole; i++) {
        yl__numbers at[YL_BYTE_VECTORS];
        for (int v = 0; v < YL_BYTE_VECTORS; v++) at[v] = *(const yl__numbers *)(x + i * each + v * YL_VL) * inverse;
        yl__put_bytes(at, zero, y + i * each, YL_VL);
    }
    for (int64_t i = whole * each; i < g->count; i++) y[i] = yl__quant_byte(x[i], inverse, zero);
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

yl_status YL_CPU(quant_fake)(const yl_ctx *ctx, const yl_quant_geom *g, float *x)
{
    yl_quant quant = g->quant;
    float inverse = 1.0f / quant.scale;
    (void)ctx;
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) x[i] = yl_quant_real(quant, yl__quant_byte(x[i], inverse, quant.zero));
    return YL_OK;
}

yl_status YL_CPU(quant_fake_backward)(const yl_ctx *ctx, const yl_quant_geom *g, const float *y, float *dy)
{
    float low = yl_quant_real(g->quant, 0), high = yl_quant_real(g->quant, 255);
    (void)ctx;
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->count; i++) dy[i] = y[i] > low && y[i] < high ? dy[i] : 0;
    return YL_OK;
}

/* `rows` output channels of `count` weights. */
yl_status YL_CPU(quant_fake_weights)(const yl_ctx *ctx, int64_t rows, int64_t count, const float *w, float *y)
{
    (void)ctx;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t o = 0; o < rows; o++) {
        const float *from = w + o * count;
        float *to = y + o * count, scale = yl__quant_weight_scale(from, count, 1);
        for (int64_t i = 0; i < count; i++) to[i] = scale * (float)yl__quant_weight(from[i], 1, scale);
    }
    return YL_OK;
}
