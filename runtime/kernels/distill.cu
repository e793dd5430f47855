/* A teacher's outputs as a student's targets, on a GPU: the formulas stand in distill.h. */
#include "kernels/distill.formulas.h"
#include "kernels/head.cuh"

static __global__ void head(yl_head_geom g, float weight, float temperature, const float *teacher, const float *y,
                            double *partial, float *dx, float beta)
{
    YL_SHARED(double, lanes, [YL__HEAD_THREADS][YL_PARTS]);
    yl__lesson lesson = {&g, weight, temperature, y, teacher};
    yl__head_sum_row(g, NULL, y, partial, dx, beta, lanes,
                     [&](const yl__prediction *p, double *parts) { yl__distill_term(&lesson, p, parts); });
}

yl_status YL_CUDA(distill_head)(const yl_ctx *ctx, const yl_head_geom *g, const yl_now *now, float weight,
                                float temperature, const float *teacher, const float *y, double *partial, void *dx,
                                double *parts)
{
    yl__head_gradient gradient = yl__head_gradient_of(g, partial, dx, 1);
    YL_TRY(yl__launch(ctx, "distill_head", dim3((unsigned)(g->n * g->h)), dim3(YL__HEAD_THREADS), head, *g, weight,
                      temperature, teacher, y, partial, gradient.at, gradient.beta));
    YL_TRY(yl__head_round(ctx, "distill_head", g, now, gradient, dx, 1));
    return yl__launch_add_partials(ctx, "distill_head", g->n * g->h, yl_head_parts(g), partial, parts);
}

template <class T>
static __global__ void features(int64_t count, const yl_now *now, double scale, const T *t, const T *s, T *dx,
                                double *partial)
{
    YL_SHARED(double, lanes, [YL__CUDA_BLOCK]);
    double sum = 0;
    YL_EACH(i, count)
    {
        float d = 0;
        sum += yl__distill_element(s[i], t[i], scale, &d);
        if (dx) dx[i] = dx[i] + now->loss_scale * d;
    }
    yl__sum_lanes(0.5 * scale * sum, lanes, partial + blockIdx.x);
}

yl_status YL_CUDA(distill_features)(const yl_ctx *ctx, const yl_flat_geom *g, const yl_now *now, double scale,
                                    const void *teacher, const void *y, void *dx, double *sum)
{
    int64_t blocks = yl__sum_blocks(g->count);
    double *partial = yl__sum_partials(ctx);
    YL_TRY(YL_TYPED(g->dtype, T,
                    yl__launch(ctx, "distill_features", dim3((unsigned)blocks), dim3(YL__CUDA_BLOCK), features<T>,
                               g->count, now, scale, (const T *)teacher, (const T *)y, (T *)dx, partial)));
    return yl__launch_add_partials(ctx, "distill_features", blocks, 1, partial, sum);
}
