/* Channels copied or added on the CPU. */
#include "kernels/kernels.h"
#include "kernels/quant.formulas.h"

#include <string.h>

/* Bytes, which are looked up where they stand for something else at their destination. */
static yl_status copy_bytes(const yl_ctx *ctx, const yl_route_geom *g, const uint8_t *from, uint8_t *to)
{
    bool same = g->from_quant.scale == g->to_quant.scale && g->from_quant.zero == g->to_quant.zero;
    uint8_t table[256];
    for (int i = 0; i < 256; i++)
        table[i] = yl__quant_byte(yl_quant_real(g->from_quant, (uint8_t)i), 1 / g->to_quant.scale, g->to_quant.zero);
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t p = 0; p < g->pixels; p++) {
        const uint8_t *a = from + p * g->from_c + g->from_at;
        uint8_t *b = to + p * g->to_c + g->to_at;
        if (same)
            memcpy(b, a, (size_t)g->count);
        else
            for (int64_t c = 0; c < g->count; c++) b[c] = table[a[c]];
    }
    return YL_OK;
}

yl_status YL_CPU(route_copy)(const yl_ctx *ctx, const yl_route_geom *g, const void *from, void *to, float beta)
{
    if (g->dtype == YL_U8) return copy_bytes(ctx, g, from, to);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t p = 0; p < g->pixels; p++) {
        const float *a = (const float *)from + p * g->from_c + g->from_at;
        float *b = (float *)to + p * g->to_c + g->to_at;
        if (beta == 0)
            memcpy(b, a, (size_t)g->count * sizeof *b);
        else
            for (int64_t c = 0; c < g->count; c++) b[c] += a[c];
    }
    return YL_OK;
}
