/* Channels copied or added on the CPU. */
#include "kernels/kernels.h"

#include <string.h>

yl_status YL_CPU(route_copy)(const yl_ctx *ctx, const yl_route_geom *g, const void *from, void *to, float beta)
{
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
