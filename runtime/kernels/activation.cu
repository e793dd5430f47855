/* Activations and their gradients: the formulas stand in activation.h. */
#include "kernels/activation.formulas.h"
#include "kernels/launch.cuh"

template <class T> static __global__ void forward(yl_activation_geom g, const T *x, T *y)
{
    YL_EACH(i, g.count)
    {
        float value = x[i];
        yl__activate(g.act, g.leaky_slope, 1, &value);
        y[i] = value;
    }
}

template <class T>
static __global__ void backward(yl_activation_geom g, const T *x, const T *y, const T *dy, float beta, T *dx)
{
    YL_EACH(i, g.count)
    {
        float d = 0, from = x ? x[i] : 0.0f, made = y ? y[i] : 0.0f, given = dy[i];
        yl__activation_slope(&g, 1, &from, &made, &given, &d);
        dx[i] = beta == 0 ? d : beta * dx[i] + d;
    }
}

yl_status YL_CUDA(activation_forward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, void *y)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "activation_forward", g->count, forward<T>, *g, (const T *)x, (T *)y));
}

yl_status YL_CUDA(activation_backward)(const yl_ctx *ctx, const yl_activation_geom *g, const void *x, const void *y,
                                       const void *dy, float beta, void *dx)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "activation_backward", g->count, backward<T>, *g, (const T *)x, (const T *)y,
                                    (const T *)dy, beta, (T *)dx));
}
