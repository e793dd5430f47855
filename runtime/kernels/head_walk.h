/* The CPU's walk over all predictions of a detection head. */
#ifndef YL_KERNELS_HEAD_WALK_H
#define YL_KERNELS_HEAD_WALK_H

#include "kernels/head.formulas.h"

static inline yl_status yl__head_forward(const yl_ctx *ctx, const yl_head_geom *g, const float *x, float *y)
{
    int64_t size = yl_head_size(g);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t p = 0; p < g->n * g->h * g->w * g->anchors; p++) yl__head_entry(g, x + p * size, y + p * size);
    return YL_OK;
}

typedef void yl__term(const void *geometry, const yl_truth *truth, const yl__prediction *p, double parts[YL_PARTS]);

static inline void yl__walk_row(const yl_head_geom *g, const void *geometry, yl__term *term, const float *y,
                                const yl_now *now, const yl_truth *truth, float *dx, float beta, int64_t row,
                                double *parts)
{
    int64_t size = yl_head_size(g);
    yl__prediction p = {.image = row / g->h, .cell = {0, row % g->h, g->w, g->h}, .now = now};
    for (; p.cell.col < g->w; p.cell.col++)
        for (p.anchor = 0; p.anchor < g->anchors; p.anchor++) {
            int64_t at = ((row * g->w + p.cell.col) * g->anchors + p.anchor) * size;
            p.y = y + at;
            p.dx = dx ? dx + at : NULL;
            parts[YL_PART_NOOBJECT] += yl__begin(&p, size, beta);
            term(geometry, truth, &p, parts);
        }
}

/* Sums of the parts over all predictions; `partial` holds yl_head_parts doubles per row of cells, added in order. */
static inline yl_status yl__head_loss(const yl_ctx *ctx, const yl_head_geom *g, const void *geometry, yl__term *term,
                                      const float *y, const yl_now *now, const yl_truth *truth, double *partial,
                                      float *dx, float beta, double *parts)
{
    int64_t rows = g->n * g->h, count = yl_head_parts(g);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t k = 0; k < count; k++) partial[row * count + k] = 0;
        yl__walk_row(g, geometry, term, y, now, truth, dx, beta, row, partial + row * count);
    }
    for (int64_t k = 0; k < count; k++) parts[k] = 0;
    for (int64_t i = 0; i < rows * count; i++) parts[i % count] += partial[i];
    return YL_OK;
}

#endif
