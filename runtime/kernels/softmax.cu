/* Softmax on a GPU, a thread per image: the formulas stand in softmax.h. */
#include "kernels/softmax.formulas.h"
#include "kernels/sums.cuh"

static __global__ void forward(yl_softmax_geom g, const float *x, float *y)
{
    YL_EACH(i, g.n) yl__softmax(x + i * g.c, g.c, y + i * g.c);
}

yl_status YL_CUDA(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, void *y)
{
    return yl__launch_each(ctx, "softmax_forward", g->n, forward, *g, (const float *)x, (float *)y);
}

static __global__ void loss(yl_softmax_geom g, const float *y, int64_t cap, int32_t attributes, const float *rows,
                            const int32_t *counts, double *costs, float *dx, float beta)
{
    yl_truth truth = {g.n, cap, rows, counts, attributes};
    YL_EACH(i, g.n)
    {
        costs[i] = yl__class_loss(y + i * g.c, g.c, yl__class_of(&truth, i, g.c), dx ? dx + i * g.c : NULL, beta);
    }
}

/* The device's own results hold the images' costs: batches are smaller than that. */
yl_status YL_CUDA(softmax_loss)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *y, const yl_truth *truth,
                                void *dx, float beta, double *parts)
{
    double *costs = (double *)yl__cuda_state_of(ctx)->results;
    YL_TRY(yl__launch_each(ctx, "softmax_loss", g->n, loss, *g, (const float *)y, truth->cap, truth->attributes,
                           truth->rows, truth->counts, costs, (float *)dx, beta));
    return yl__launch_add_partials(ctx, "softmax_loss", g->n, 1, costs, parts);
}
