/* Softmax on the CPU: the formulas stand in softmax.h. */
#include "kernels/softmax.formulas.h"

yl_status YL_CPU(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, void *y)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->n; i++) yl__softmax((const float *)x + i * g->c, g->c, (float *)y + i * g->c);
    return YL_OK;
}

yl_status YL_CPU(softmax_loss)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *y, const yl_truth *truth,
                               void *dx, float beta, double *parts)
{
    (void)ctx;
    int64_t c = g->c;
    parts[0] = 0;
    for (int64_t i = 0; i < g->n; i++)
        parts[0] += yl__class_loss((const float *)y + i * c, c, yl__class_of(truth, i, c),
                                   dx ? (float *)dx + i * c : NULL, beta);
    return YL_OK;
}
