/* A teacher's outputs as a student's targets, on the CPU: the formulas stand in distill.h. */
#include "kernels/distill.formulas.h"
#include "kernels/head_walk.h"

static void term(const void *geometry, const yl_truth *truth, const yl__prediction *p, double parts[YL_PARTS])
{
    (void)truth;
    yl__distill_term(geometry, p, parts);
}

yl_status YL_CPU(distill_head)(const yl_ctx *ctx, const yl_head_geom *g, const yl_now *now, float weight,
                               float temperature, const float *teacher, const float *y, double *partial, void *dx,
                               double *parts)
{
    yl__lesson l = {g, weight, temperature, y, teacher};
    return yl__head_loss(ctx, g, &l, term, y, now, NULL, partial, dx, 1, parts);
}

enum { BLOCK = 8192, MOST_BLOCKS = 4096 };

static double feature_block(const float *s, const float *t, int64_t count, double scale, float *dx)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += yl__distill_element(s[i], t[i], scale, dx ? dx + i : NULL);
    return 0.5 * scale * sum;
}

/* Blocks of equal size whose number does not depend on the threads, and whose sums are added in order. */
yl_status YL_CPU(distill_features)(const yl_ctx *ctx, const yl_flat_geom *g, const yl_now *now, double scale,
                                   const void *teacher, const void *y, void *dx, double *sum)
{
    (void)now; /* the gradient of f32 is not scaled */
    const float *s = y, *t = teacher;
    double partial[MOST_BLOCKS];
    int64_t size = (g->count + MOST_BLOCKS - 1) / MOST_BLOCKS, blocks;
    size = size < BLOCK ? BLOCK : size;
    blocks = (g->count + size - 1) / size;
#pragma omp parallel for schedule(static) num_threads(ctx->threads) if (blocks > 4)
    for (int64_t b = 0; b < blocks; b++) {
        int64_t at = b * size, count = g->count - at < size ? g->count - at : size;
        partial[b] = feature_block(s + at, t + at, count, scale, dx ? (float *)dx + at : NULL);
    }
    *sum = 0;
    for (int64_t b = 0; b < blocks; b++) *sum += partial[b];
    return YL_OK;
}
