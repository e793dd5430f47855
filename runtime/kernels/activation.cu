/* Activations and their gradients: the formulas stand in activation.h. */
#include "kernels/activation.formulas.h"
#include "kernels/launch.cuh"

static __global__ void forward(yl_activation_geom g, const float *x, float *y)
{
    YL_EACH(i, g.count)
    {
        float value = x[i];
        yl__activate(g.act, g.leaky_slope, 1, &value);
        y[i] = value;
    }
}

static __global__ void backward(yl_activation_geom g, const float *x, const float *y, const float *dy, float beta,
                                float *dx)
{
    YL_EACH(i, g.count)
    {
        float d = 0;
        yl__activation_slope(&g, 1, x ? x + i : NULL, y ? y + i : NULL, dy + i, &d);
        dx[i] = beta == 0 ? d : beta * dx[i] + d;
    }
}

yl_status YL_CUDA(activation_forward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, void *y)
{
    return yl__launch_each(ctx, "activation_forward", g->count, forward, *g, (const float *)x, (float *)y);
}

yl_status YL_CUDA(activation_backward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, const void *y,
                                       const void *dy, float beta, void *dx)
{
    return yl__launch_each(ctx, "activation_backward", g->count, backward, *g, (const float *)x, (const float *)y,
                           (const float *)dy, beta, (float *)dx);
}
