/* Batch normalisation: the formulas stand in batchnorm.h. The scratch holds partial sums, then rows of coefficients. */
#include "kernels/activation.formulas.h"
#include "kernels/columns.cuh"

/* x - centre, and its square */
struct moments {
    enum { count = 2 };
    static __device__ void add(float *sums, float x, float, float centre)
    {
        float d = x - centre;
        sums[0] += d;
        sums[1] += d * d;
    }
};

/* dy, and dy (x - mean) */
struct products {
    enum { count = 2 };
    static __device__ void add(float *sums, float x, float dy, float mean)
    {
        sums[0] += dy;
        sums[1] += dy * (x - mean);
    }
};

static int parts_of(const yl_batchnorm_geom *g)
{
    return yl__column_parts(g->rows, (size_t)1 << 40, 1);
}

static size_t partial_bytes(const yl_batchnorm_geom *g)
{
    return (size_t)parts_of(g) * (size_t)g->c * 2 * sizeof(double);
}

yl_status YL_CUDA(batchnorm_scratch)(const yl_ctx *, const yl_batchnorm_geom *g, size_t *bytes)
{
    *bytes = partial_bytes(g) + 3 * (size_t)g->c * sizeof(float);
    return YL_OK;
}

template <class T>
static __global__ void finish_statistics(yl_batchnorm_geom g, int parts, const T *x, const double *partial, float *mean,
                                         float *var)
{
    YL_EACH(j, g.c)
    {
        double shift = yl__column_total<moments>(partial, g.c, parts, j, 0) / (double)g.rows;
        double v = yl__column_total<moments>(partial, g.c, parts, j, 1) / (double)g.rows - shift * shift;
        mean[j] = (float)(x[j] + shift);
        var[j] = (float)(v < 0 ? 0 : v);
    }
}

template <class T>
static yl_status find_statistics(const yl_ctx *ctx, const yl_batchnorm_geom *g, const T *x, float *mean, float *var,
                                 double *partial)
{
    int parts = parts_of(g);
    const T *none = NULL;
    const char *name = "batchnorm_statistics";
    YL_TRY(yl__column_sums<moments>(ctx, name, g->rows, g->c, parts, x, none, x, partial));
    return yl__launch_each(ctx, name, g->c, finish_statistics<T>, *g, parts, x, partial, mean, var);
}

yl_status YL_CUDA(batchnorm_statistics)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, float *mean,
                                        float *var, void *scratch)
{
    return YL_TYPED(g->dtype, T, find_statistics(ctx, g, (const T *)x, mean, var, (double *)scratch));
}

static __global__ void move(yl_batchnorm_geom g, const yl_now *now, const float *mean, const float *var,
                            float *running_mean, float *running_var)
{
    float rate = yl__batchnorm_rate(&g, now), keep = 1.0f - rate,
          unbiased = g.rows > 1 ? (float)g.rows / (float)(g.rows - 1) : 1.0f;
    YL_EACH(j, g.c)
    {
        running_mean[j] = keep * running_mean[j] + rate * mean[j];
        running_var[j] = keep * running_var[j] + rate * unbiased * var[j];
    }
}

yl_status YL_CUDA(batchnorm_move)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const yl_now *now, const float *mean,
                                  const float *var, float *running_mean, float *running_var)
{
    return yl__launch_each(ctx, "batchnorm_move", g->c, move, *g, now, mean, var, running_mean, running_var);
}

static __global__ void invert(yl_batchnorm_geom g, const float *var, float *inverse)
{
    YL_EACH(j, g.c) inverse[j] = 1.0f / sqrtf(var[j] + g.eps);
}

yl_status YL_CUDA(batchnorm_inverse)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *var, float *inverse)
{
    return yl__launch_each(ctx, "batchnorm_inverse", g->c, invert, *g, var, inverse);
}

static __global__ void fold(yl_batchnorm_geom g, const float *scale, const float *bias, const float *mean,
                            const float *var, const float *own, float *factor, float *folded)
{
    YL_EACH(j, g.c)
    {
        float f = scale[j] / sqrtf(var[j] + g.eps);
        factor[j] = f;
        folded[j] = ((own ? own[j] : 0) - mean[j]) * f + bias[j];
    }
}

yl_status YL_CUDA(batchnorm_fold)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const float *scale, const float *bias,
                                  const float *mean, const float *var, const float *own, float *factor, float *folded)
{
    return yl__launch_each(ctx, "batchnorm_fold", g->c, fold, *g, scale, bias, mean, var, own, factor, folded);
}

template <class T>
static __global__ void forward(yl_batchnorm_geom g, const T *x, const float *mean, const float *inverse,
                               const float *scale, const float *bias, T *y)
{
    YL_EACH(i, g.rows * g.c)
    {
        int64_t j = i % g.c;
        float value = (x[i] - mean[j]) * (scale[j] * inverse[j]) + bias[j];
        yl__activate(g.act, g.leaky_slope, 1, &value);
        y[i] = value;
    }
}

yl_status YL_CUDA(batchnorm_forward)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, const float *mean,
                                     const float *inverse, const float *scale, const float *bias, void *y, void *)
{
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "batchnorm_forward", g->rows * g->c, forward<T>, *g, (const T *)x, mean,
                                    inverse, scale, bias, (T *)y));
}

/* dy *= act'(z), z being what forward activated */
template <class T>
static __global__ void derive(yl_batchnorm_geom g, const T *x, const float *mean, const float *inverse,
                              const float *scale, const float *bias, T *dy)
{
    yl_activation_geom act = {1, g.act, g.leaky_slope, g.dtype};
    YL_EACH(i, g.rows * g.c)
    {
        int64_t j = i % g.c;
        float z = (x[i] - mean[j]) * (scale[j] * inverse[j]) + bias[j], y = z, given = dy[i], d = 0;
        yl__activate(g.act, g.leaky_slope, 1, &y);
        yl__activation_slope(&act, 1, &z, &y, &given, &d);
        dy[i] = d;
    }
}

/* coefficients {3, c} of dx = beta dx + a dy + b (x - mean) + d */
static __global__ void coefficients(yl_batchnorm_geom g, int parts, const double *partial, const float *inverse,
                                    const float *scale, bool statistics, float *out, float *dscale, float *dbias)
{
    YL_EACH(j, g.c)
    {
        double s = yl__column_total<products>(partial, g.c, parts, j, 0);
        double q = yl__column_total<products>(partial, g.c, parts, j, 1) * inverse[j];
        double k = statistics ? 1.0 / (double)g.rows : 0.0;
        float a = scale[j] * inverse[j];
        if (dbias) dbias[j] += (float)s;
        if (dscale) dscale[j] += (float)q;
        out[j] = a;
        out[g.c + j] = (float)(-a * k * q * inverse[j]);
        out[2 * g.c + j] = (float)(-a * k * s);
    }
}

template <class T>
static __global__ void backward(yl_batchnorm_geom g, const T *x, const T *dy, const float *mean, const float *a,
                                float beta, T *dx)
{
    YL_EACH(i, g.rows * g.c)
    {
        int64_t j = i % g.c;
        float d = a[j] * dy[i] + a[g.c + j] * (x[i] - mean[j]) + a[2 * g.c + j];
        dx[i] = beta == 0 ? d : beta * dx[i] + d;
    }
}

yl_status YL_CUDA(batchnorm_backward)(const yl_ctx *ctx, const yl_batchnorm_geom *g, const void *x, void *dy,
                                      const float *mean, const float *inverse, const float *scale, const float *bias,
                                      bool statistics, float beta, void *dx, float *dscale, float *dbias, void *scratch)
{
    int parts = parts_of(g);
    double *partial = (double *)scratch;
    float *a = (float *)((char *)scratch + partial_bytes(g));
    const char *name = "batchnorm_backward";
    if (g->act != YL_ACT_linear)
        YL_TRY(YL_TYPED(g->dtype, T,
                        yl__launch_each(ctx, name, g->rows * g->c, derive<T>, *g, (const T *)x, mean, inverse, scale,
                                        bias, (T *)dy)));
    YL_TRY(YL_TYPED(
        g->dtype, T,
        yl__column_sums<products>(ctx, name, g->rows, g->c, parts, (const T *)x, (const T *)dy, mean, partial)));
    YL_TRY(yl__launch_each(ctx, name, g->c, coefficients, *g, parts, partial, inverse, scale, statistics, a, dscale,
                           dbias));
    if (!dx) return YL_OK;
    return YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, name, g->rows * g->c, backward<T>, *g, (const T *)x, (const T *)dy, mean, a,
                                    beta, (T *)dx));
}
