/* Optimizer steps on the CPU (step.formulas.h has the formulas): one pass over a range that scales the gradient, decays, steps, masks, averages and clears; and masks alone.
 *
 * Every copy of a masked weight (value, velocity, moments, average) becomes zero, whatever it would have been, so that a pruned
 * weight cannot come back through momentum, an average, or a NaN. */
#include "kernels/step.formulas.h"
#include "kernels/kernels.h"

#include <math.h>

/* The average alone: of statistics, which no optimizer moves. */
static void average_part(const yl_step_part *p, const yl_step_scalars *s, const float *value, float *ema)
{
    for (int64_t i = p->at; ema && i < p->at + p->count; i++) ema[i] = yl__average(s, ema[i], value[i]);
}

static void sgd_part(const yl_step_geom *g, const yl_step_part *p, const yl_step_scalars *s, const uint8_t *mask,
                     float *grad, float *velocity, float *value, float *ema)
{
#pragma omp simd
    for (int64_t i = p->at; i < p->at + p->count; i++) {
        bool keep = !mask || mask[i];
        float v = velocity[i], w = value[i];
        yl__sgd(g, p, s, grad[i], &v, &w);
        velocity[i] = keep ? v : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CPU(step_sgd)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts,
                           const yl_step_scalars *scalars, const uint8_t *mask, float *grad, float *velocity,
                           float *value, float *ema)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads) if (g->count > 16384)
    for (int64_t k = 0; k < g->parts; k++) {
        const yl_step_part *p = &parts[k];
        if (p->statistic)
            average_part(p, &scalars[p->range], value, ema);
        else
            sgd_part(g, p, &scalars[p->range], mask, grad, velocity, value, ema);
    }
    return YL_OK;
}

static void adam_part(const yl_step_geom *g, const yl_step_part *p, const yl_step_scalars *s, const uint8_t *mask,
                      float *grad, float *m, float *v, float *value, float *ema)
{
#pragma omp simd
    for (int64_t i = p->at; i < p->at + p->count; i++) {
        bool keep = !mask || mask[i];
        float first = m[i], second = v[i], w = value[i];
        yl__adam(g, p, s, grad[i], &first, &second, &w);
        m[i] = keep ? first : 0.0f;
        v[i] = keep ? second : 0.0f;
        value[i] = keep ? w : 0.0f;
        grad[i] = 0.0f;
        if (ema) ema[i] = keep ? yl__average(s, ema[i], w) : 0.0f;
    }
}

yl_status YL_CPU(step_adam)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts,
                            const yl_step_scalars *scalars, const uint8_t *mask, float *grad, float *m, float *v,
                            float *value, float *ema)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads) if (g->count > 16384)
    for (int64_t k = 0; k < g->parts; k++) {
        const yl_step_part *p = &parts[k];
        if (p->statistic)
            average_part(p, &scalars[p->range], value, ema);
        else
            adam_part(g, p, &scalars[p->range], mask, grad, m, v, value, ema);
    }
    return YL_OK;
}

yl_status YL_CPU(multiply)(const yl_ctx *ctx, int64_t count, float factor, float *x)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t i = 0; i < count; i++) x[i] *= factor;
    return YL_OK;
}

yl_status YL_CPU(apply_mask)(const yl_ctx *ctx, int64_t count, const uint8_t *mask, float *x)
{
#pragma omp parallel for simd schedule(static) num_threads(ctx->threads) if (count > 16384)
    for (int64_t i = 0; i < count; i++) x[i] = mask[i] ? x[i] : 0.0f;
    return YL_OK;
}

yl_status YL_CPU(count_nonzero)(const yl_ctx *ctx, int64_t count, const float *x, int64_t *out)
{
    (void)ctx;
    int64_t found = 0;
    for (int64_t i = 0; i < count; i++) found += x[i] != 0.0f;
    *out = found;
    return YL_OK;
}

static double part_squares(const float *x, int64_t count)
{
    double lanes[8] = {0}; /* a fixed order of additions that still vectorises */
    int64_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; k++) lanes[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < count; i++) lanes[0] += (double)x[i] * (double)x[i];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

/* Sums of x^2 in double: the parts' sums, added in order, whatever the number of threads. */
yl_status YL_CPU(sum_squares)(const yl_ctx *ctx, const yl_step_geom *g, const yl_step_part *parts, const int32_t *first,
                              const float *x, double *partial, double *out)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads) if (g->count > 32768)
    for (int64_t k = 0; k < g->parts; k++)
        partial[k] = parts[k].statistic ? 0 : part_squares(x + parts[k].at, parts[k].count);
    for (int64_t r = 0; r < g->ranges; r++) {
        double sum = 0;
        for (int32_t k = first[r]; k < first[r + 1]; k++) sum += partial[k];
        out[r] = sum;
    }
    return YL_OK;
}

enum { BLOCK = 8192 };

/* Index of the first NaN or infinity, -1 where all are finite. */
yl_status YL_CPU(find_not_finite)(const yl_ctx *ctx, const yl_flat_geom *g, const void *from, int64_t *index)
{
    const float *x = from;
    int64_t count = g->count;
    (void)ctx;
    *index = -1;
    for (int64_t start = 0; start < count; start += BLOCK) {
        int64_t end = start + BLOCK < count ? start + BLOCK : count;
        float sum = 0.0f; /* x * 0 is NaN exactly where x is not finite */
        for (int64_t i = start; i < end; i++) sum += x[i] * 0.0f;
        if (sum == 0.0f) continue;
        for (int64_t i = start; i < end && *index < 0; i++)
            if (!isfinite(x[i])) *index = i;
        if (*index >= 0) return YL_OK;
    }
    return YL_OK;
}
