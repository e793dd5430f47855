/* Softmax on the CPU: the formulas stand in softmax.h. */
#include "kernels/softmax.formulas.h"

yl_status YL_CPU(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, float *y)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t i = 0; i < g->n; i++) yl__softmax((const float *)x + i * g->c, g->c, y + i * g->c);
    return YL_OK;
}

yl_status YL_CPU(softmax_loss)(const yl_ctx *ctx, const yl_softmax_geom *g, const yl_now *now, const float *y,
                               const yl_truth *truth, void *dx, float beta, double *parts)
{
    (void)ctx, (void)now; /* the gradient of f32 is not scaled */
    int64_t c = g->c;
    parts[0] = 0;
    for (int64_t i = 0; i < g->n; i++) {
        const float *p = y + i * c;
        float *d = dx ? (float *)dx + i * c : NULL;
        int64_t class_index = yl__class_of(truth, i, c);
        for (int64_t j = 0; d && j < c; j++) d[j] = (beta == 0 ? 0 : d[j]) + yl__class_slope(p, j, class_index);
        parts[0] += yl__class_loss(p, c, class_index);
    }
    return YL_OK;
}
