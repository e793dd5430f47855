/* Softmax on a GPU, a thread per image: the formulas stand in softmax.h. */
#include "kernels/softmax.formulas.h"
#include "kernels/sums.cuh"

template <class T> static __global__ void forward(yl_softmax_geom g, const T *x, float *y)
{
    YL_EACH(i, g.n)
    {
        float *p = y + i * g.c;
        for (int64_t k = 0; k < g.c; k++) p[k] = x[i * g.c + k];
        yl__softmax(p, g.c, p);
    }
}

yl_status YL_CUDA(softmax_forward)(const yl_ctx *ctx, const yl_softmax_geom *g, const void *x, float *y)
{
    return YL_TYPED(g->dtype, T, yl__launch_each(ctx, "softmax_forward", g->n, forward<T>, *g, (const T *)x, y));
}

template <class T>
static __global__ void loss(yl_softmax_geom g, const yl_now *now, const float *y, int64_t cap, int32_t attributes,
                            const float *rows, const int32_t *counts, double *costs, T *dx, float beta)
{
    yl_truth truth = {g.n, cap, rows, counts, attributes};
    YL_EACH(i, g.n)
    {
        const float *p = y + i * g.c;
        int64_t class_index = yl__class_of(&truth, i, g.c);
        for (int64_t j = 0; dx && j < g.c; j++) {
            T *d = dx + i * g.c + j;
            *d = (beta == 0 ? 0.0f : (float)*d) + now->loss_scale * yl__class_slope(p, j, class_index);
        }
        costs[i] = yl__class_loss(p, g.c, class_index);
    }
}

/* The device's own results hold the images' costs: batches are smaller than that. */
yl_status YL_CUDA(softmax_loss)(const yl_ctx *ctx, const yl_softmax_geom *g, const yl_now *now, const float *y,
                                const yl_truth *truth, void *dx, float beta, double *parts)
{
    double *costs = (double *)yl__cuda_state_of(ctx)->results;
    YL_TRY(YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "softmax_loss", g->n, loss<T>, *g, now, y, truth->cap, truth->attributes,
                                    truth->rows, truth->counts, costs, (T *)dx, beta)));
    return yl__launch_add_partials(ctx, "softmax_loss", g->n, 1, costs, parts);
}
