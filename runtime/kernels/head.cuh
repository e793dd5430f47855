/* What the twins of the two heads share. */
#ifndef YL_KERNELS_HEAD_CUH
#define YL_KERNELS_HEAD_CUH

#include "kernels/head.formulas.h"
#include "kernels/sums.cuh"

template <class T> static __global__ void yl__head_forward_kernel(yl_head_geom g, const T *x, float *y)
{
    int64_t size = yl_head_size(&g);
    YL_EACH(p, g.n * g.h * g.w * g.anchors)
    {
        float *entry = y + p * size;
        for (int64_t k = 0; k < size; k++) entry[k] = x[p * size + k];
        yl__head_entry(&g, entry, entry);
    }
}

static inline yl_status yl__head_launch_forward(const yl_ctx *ctx, const char *name, const yl_head_geom *g,
                                                const void *x, float *y)
{
    return YL_TYPED(
        g->dtype, T,
        yl__launch_each(ctx, name, g->n * g->h * g->w * g->anchors, yl__head_forward_kernel<T>, *g, (const T *)x, y));
}

/* A loss makes its gradient as f32 and adds to it many times: in dx itself where that is f32, else in the scratch behind the sums, from
 * where it is scaled and rounded once. */
struct yl__head_gradient {
    float *at, beta;
};

static inline yl__head_gradient yl__head_gradient_of(const yl_head_geom *g, double *partial, void *dx, float beta)
{
    if (!dx || g->dtype == YL_F32) return {(float *)dx, beta};
    return {(float *)(partial + yl_head_sums(g)), 0};
}

template <class T>
static __global__ void yl__head_round_kernel(int64_t count, const yl_now *now, const float *from, T *dx, float beta)
{
    YL_EACH(i, count)
    {
        float d = now->loss_scale * from[i];
        dx[i] = beta == 0 ? d : dx[i] + d;
    }
}

static inline yl_status yl__head_round(const yl_ctx *ctx, const char *name, const yl_head_geom *g, const yl_now *now,
                                       const yl__head_gradient &gradient, void *dx, float beta)
{
    if (gradient.at == dx) return YL_OK;
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, name, yl_head_count(g), yl__head_round_kernel<T>, yl_head_count(g), now,
                                    gradient.at, (T *)dx, beta));
}

enum { YL__HEAD_THREADS = 128 };

/* The parts of a row of cells, which a block's threads share: term(prediction, parts) per prediction, sums in a fixed order. */
template <class Term>
static __device__ inline void yl__head_sum_row(const yl_head_geom &h, const yl_now *now, const float *y,
                                               double *partial, float *dx, float beta,
                                               double (&lanes)[YL__HEAD_THREADS][YL_PARTS], const Term &term)
{
    int64_t row = blockIdx.x, size = yl_head_size(&h);
    int count = yl_head_parts(&h);
    double *parts = lanes[threadIdx.x];
    for (int k = 0; k < count; k++) parts[k] = 0;
    for (int64_t i = threadIdx.x; i < h.w * h.anchors; i += YL__HEAD_THREADS) {
        int64_t at = (row * h.w * h.anchors + i) * size;
        yl__prediction p = {
            row / h.h, {i / h.anchors, row % h.h, h.w, h.h}, (int32_t)(i % h.anchors), y + at, dx ? dx + at : NULL,
            now};
        parts[YL_PART_NOOBJECT] += yl__begin(&p, size, beta);
        term(&p, parts);
    }
    __syncthreads();
    if ((int)threadIdx.x >= count) return;
    double sum = 0;
    for (int t = 0; t < YL__HEAD_THREADS; t++) sum += lanes[t][threadIdx.x];
    partial[row * count + threadIdx.x] = sum;
}

template <class Geom, void (*Term)(const Geom *, const yl_truth *, const yl__prediction *, double *)>
__global__ void yl__head_loss_kernel(Geom g, const yl_now *now, const float *y, int64_t cap, int32_t attributes,
                                     const float *rows, const int32_t *counts, double *partial, float *dx, float beta)
{
    YL_SHARED(double, lanes, [YL__HEAD_THREADS][YL_PARTS]);
    yl_truth truth = {g.head.n, cap, rows, counts, attributes};
    yl__head_sum_row(g.head, now, y, partial, dx, beta, lanes,
                     [&](const yl__prediction *p, double *parts) { Term(&g, &truth, p, parts); });
}

template <class Geom, void (*Term)(const Geom *, const yl_truth *, const yl__prediction *, double *)>
yl_status yl__head_launch_loss(const yl_ctx *ctx, const char *name, const Geom *g, const yl_now *now, const float *y,
                               const yl_truth *truth, double *partial, void *dx, float beta, double *parts)
{
    int64_t rows = g->head.n * g->head.h;
    yl__head_gradient gradient = yl__head_gradient_of(&g->head, partial, dx, beta);
    YL_TRY(yl__launch(ctx, name, dim3((unsigned)rows), dim3(YL__HEAD_THREADS), yl__head_loss_kernel<Geom, Term>, *g,
                      now, y, truth->cap, truth->attributes, truth->rows, truth->counts, partial, gradient.at,
                      gradient.beta));
    YL_TRY(yl__head_round(ctx, name, &g->head, now, gradient, dx, beta));
    return yl__launch_add_partials(ctx, name, rows, yl_head_parts(&g->head), partial, parts);
}

#endif
