/* Optimizer steps, masks, and what is counted over a range: the formulas stand in step.h. */
#include "kernels/step.formulas.h"
#include "kernels/cuda.h"
#include "kernels/sums.cuh"

static __global__ void sgd(yl_step_geom g, const yl_step_scalars *s, const uint8_t *mask, float *grad, float *velocity,
                           float *value, float *ema)
{
    YL_EACH(i, g.count)
    {
        bool keep = !mask || mask[i];
        float v = velocity[i], w = value[i];
        yl__sgd(&g, s, grad[i], &v, &w);
        velocity[i] = keep ? v : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CUDA(step_sgd)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_scalars *s, const uint8_t *mask,
                            float *grad, float *velocity, float *value, float *ema)
{
    return yl__launch_each(ctx, "step_sgd", g->count, sgd, *g, s, mask, grad, velocity, value, ema);
}

static __global__ void adam(yl_step_geom g, const yl_step_scalars *s, const uint8_t *mask, float *grad, float *m,
                            float *v, float *value, float *ema)
{
    YL_EACH(i, g.count)
    {
        bool keep = !mask || mask[i];
        float first = m[i], second = v[i], w = value[i];
        yl__adam(&g, s, grad[i], &first, &second, &w);
        m[i] = keep ? first : 0.0f;
        v[i] = keep ? second : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CUDA(step_adam)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_scalars *s, const uint8_t *mask,
                             float *grad, float *m, float *v, float *value, float *ema)
{
    return yl__launch_each(ctx, "step_adam", g->count, adam, *g, s, mask, grad, m, v, value, ema);
}

static __global__ void average(int64_t count, const yl_step_scalars *s, const float *value, float *ema)
{
    YL_EACH(i, count) ema[i] = yl__average(s, ema[i], value[i]);
}

yl_status YL_CUDA(step_average)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_scalars *s, const float *value,
                                float *ema)
{
    return yl__launch_each(ctx, "step_average", g->count, average, g->count, s, value, ema);
}

static __global__ void mask_out(int64_t count, const uint8_t *mask, float *x)
{
    YL_EACH(i, count) x[i] = mask[i] ? x[i] : 0.0f;
}

yl_status YL_CUDA(apply_mask)(const yl_ctx *ctx, int64_t count, const uint8_t *mask, float *x)
{
    return yl__launch_each(ctx, "apply_mask", count, mask_out, count, mask, x);
}

struct not_zero {
    static __device__ double of(float x)
    {
        return x != 0.0f;
    }
};

yl_status YL_CUDA(count_nonzero)(const yl_ctx *ctx, int64_t count, const float *x, int64_t *out)
{
    double *sum = (double *)yl__cuda_state_of(ctx)->results, found;
    YL_TRY(yl__sum<not_zero>(ctx, "count_nonzero", count, x, sum));
    YL_TRY(yl__cuda_read(ctx, &found, sum, sizeof found));
    *out = (int64_t)found;
    return YL_OK;
}

struct square {
    static __device__ double of(float x)
    {
        return (double)x * (double)x;
    }
};

yl_status YL_CUDA(sum_squares)(const yl_ctx *ctx, int64_t count, const float *x, double *out)
{
    return yl__sum<square>(ctx, "sum_squares", count, x, out);
}

/* *first = the lowest index: a minimum is the same in any order. */
static __global__ void find(int64_t count, const float *x, unsigned long long *first)
{
    YL_EACH(i, count)
    {
        if (!(x[i] - x[i] == 0)) atomicMin(first, (unsigned long long)i);
    }
}

yl_status YL_CUDA(find_not_finite)(const yl_ctx *ctx, const yl_flat_geom *g, const void *x, int64_t *index)
{
    unsigned long long *first = (unsigned long long *)yl__cuda_state_of(ctx)->results, found;
    YL_TRY(yl__cuda_fill(ctx, first, 0xFF, sizeof *first));
    YL_TRY(yl__launch_each(ctx, "find_not_finite", g->count, find, g->count, (const float *)x, first));
    YL_TRY(yl__cuda_read(ctx, &found, first, sizeof found));
    *index = found == ~0ull ? -1 : (int64_t)found;
    return YL_OK;
}
