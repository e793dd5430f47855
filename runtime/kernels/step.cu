/* Optimizer steps, masks, and what is counted over a range: the formulas stand in step.h. */
#include "kernels/step.formulas.h"
#include "kernels/launch.cuh"
#include "kernels/sums.cuh"

/* A block per part. */
static __device__ void average_part(const yl_step_part &p, const yl_step_scalars *s, const float *value, float *ema)
{
    if (!ema) return;
    for (int64_t i = p.at + threadIdx.x; i < p.at + p.count; i += blockDim.x) ema[i] = yl__average(s, ema[i], value[i]);
}

static __global__ void sgd(yl_step_geom g, const yl_step_part *parts, const yl_step_scalars *scalars,
                           const uint8_t *mask, float *grad, float *velocity, float *value, float *ema)
{
    yl_step_part p = parts[blockIdx.x];
    const yl_step_scalars *s = &scalars[p.range];
    if (p.statistic) return average_part(p, s, value, ema);
    for (int64_t i = p.at + threadIdx.x; i < p.at + p.count; i += blockDim.x) {
        bool keep = !mask || mask[i];
        float v = velocity[i], w = value[i];
        yl__sgd(&g, &p, s, grad[i], &v, &w);
        velocity[i] = keep ? v : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CUDA(step_sgd)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts,
                            const yl_step_scalars *scalars, const uint8_t *mask, float *grad, float *velocity,
                            float *value, float *ema)
{
    if (g->parts == 0) return YL_OK;
    return yl__launch(ctx, "step_sgd", dim3((unsigned)g->parts), dim3(YL__CUDA_BLOCK), sgd, *g, parts, scalars, mask,
                      grad, velocity, value, ema);
}

static __global__ void adam(yl_step_geom g, const yl_step_part *parts, const yl_step_scalars *scalars,
                            const uint8_t *mask, float *grad, float *m, float *v, float *value, float *ema)
{
    yl_step_part p = parts[blockIdx.x];
    const yl_step_scalars *s = &scalars[p.range];
    if (p.statistic) return average_part(p, s, value, ema);
    for (int64_t i = p.at + threadIdx.x; i < p.at + p.count; i += blockDim.x) {
        bool keep = !mask || mask[i];
        float first = m[i], second = v[i], w = value[i];
        yl__adam(&g, &p, s, grad[i], &first, &second, &w);
        m[i] = keep ? first : 0.0f;
        v[i] = keep ? second : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CUDA(step_adam)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts,
                             const yl_step_scalars *scalars, const uint8_t *mask, float *grad, float *m, float *v,
                             float *value, float *ema)
{
    if (g->parts == 0) return YL_OK;
    return yl__launch(ctx, "step_adam", dim3((unsigned)g->parts), dim3(YL__CUDA_BLOCK), adam, *g, parts, scalars, mask,
                      grad, m, v, value, ema);
}

static __global__ void scale_all(int64_t count, float factor, float *x)
{
    YL_EACH(i, count) x[i] *= factor;
}

yl_status YL_CUDA(multiply)(const yl_ctx *ctx, int64_t count, float factor, float *x)
{
    return yl__launch_each(ctx, "multiply", count, scale_all, count, factor, x);
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

static __global__ void square_part(const yl_step_part *parts, const float *x, double *partial)
{
    YL_SHARED(double, lanes, [YL__CUDA_BLOCK]);
    yl_step_part p = parts[blockIdx.x];
    double sum = 0;
    for (int64_t i = threadIdx.x; !p.statistic && i < p.count; i += YL__CUDA_BLOCK)
        sum += (double)x[p.at + i] * (double)x[p.at + i];
    yl__sum_lanes(sum, lanes, partial + blockIdx.x);
}

/* A block per range. */
static __global__ void add_parts_of_range(const int32_t *first, const double *partial, double *out)
{
    YL_SHARED(double, lanes, [YL__CUDA_BLOCK]);
    double sum = 0;
    for (int32_t k = first[blockIdx.x] + (int32_t)threadIdx.x; k < first[blockIdx.x + 1]; k += YL__CUDA_BLOCK)
        sum += partial[k];
    yl__sum_lanes(sum, lanes, out + blockIdx.x);
}

yl_status YL_CUDA(sum_squares)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts,
                               const int32_t *first, const float *x, double *partial, double *out)
{
    if (g->parts)
        YL_TRY(yl__launch(ctx, "sum_squares", dim3((unsigned)g->parts), dim3(YL__CUDA_BLOCK), square_part, parts, x,
                          partial));
    return yl__launch(ctx, "sum_squares", dim3((unsigned)g->ranges), dim3(YL__CUDA_BLOCK), add_parts_of_range, first,
                      partial, out);
}

/* *first = the lowest index: a minimum is the same in any order. */
template <class T> static __global__ void find(int64_t count, const T *x, unsigned long long *first)
{
    YL_EACH(i, count)
    {
        float value = x[i];
        if (!(value - value == 0)) atomicMin(first, (unsigned long long)i);
    }
}

yl_status YL_CUDA(find_not_finite)(const yl_ctx *ctx, const yl_flat_geom *g, const void *x, int64_t *index)
{
    unsigned long long *first = (unsigned long long *)yl__cuda_state_of(ctx)->results, found;
    YL_TRY(yl__cuda_fill(ctx, first, 0xFF, sizeof *first));
    YL_TRY(YL_TYPED(g->dtype, T,
                    yl__launch_each(ctx, "find_not_finite", g->count, find<T>, g->count, (const T *)x, first)));
    YL_TRY(yl__cuda_read(ctx, &found, first, sizeof found));
    *index = found == ~0ull ? -1 : (int64_t)found;
    return YL_OK;
}
