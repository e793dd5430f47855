/* What the two detection heads, region and yolo, share: the activation of their input. */
#ifndef YL_KERNELS_HEAD_H
#define YL_KERNELS_HEAD_H

#include "kernels/kernels.h"

#include <math.h>

static inline float yl__logistic(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* p[k] = exp(x[k] - max x) / sum over j of exp(x[j] - max x); p may be x. */
static inline void yl__softmax(const float *x, int64_t count, float *p)
{
    float top = x[0], sum = 0;
    for (int64_t k = 1; k < count; k++) top = x[k] > top ? x[k] : top;
    for (int64_t k = 0; k < count; k++) {
        p[k] = expf(x[k] - top);
        sum += p[k];
    }
    for (int64_t k = 0; k < count; k++) p[k] /= sum;
}

/* One prediction: logistic of x, y and objectness; w and h as they are; classes by softmax or logistic each. */
static inline void yl__head_entry(const yl_head_geom *g, const float *x, float *y)
{
    y[0] = yl__logistic(x[0]);
    y[1] = yl__logistic(x[1]);
    y[2] = x[2];
    y[3] = x[3];
    y[4] = yl__logistic(x[4]);
    if (g->softmax)
        yl__softmax(x + YL_HEAD_BOX, g->classes, y + YL_HEAD_BOX);
    else
        for (int32_t k = 0; k < g->classes; k++) y[YL_HEAD_BOX + k] = yl__logistic(x[YL_HEAD_BOX + k]);
}

static inline yl_status yl__head_forward(const yl_ctx *ctx, const yl_head_geom *g, const float *x, float *y)
{
    int64_t size = YL_HEAD_BOX + g->classes;
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t p = 0; p < g->n * g->h * g->w * g->anchors; p++) yl__head_entry(g, x + p * size, y + p * size);
    return YL_OK;
}

#endif
