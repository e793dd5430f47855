/* Average pooling on the CPU: avgpool.h has the formulas. */
#include "kernels/kernels.h"

typedef struct span {
    int64_t first, last;
} span;

/* The positions 0..size-1 that a window beginning at `start` sees. */
static span inside(int64_t start, int64_t window, int64_t size)
{
    return (span){start < 0 ? 0 : start, start + window > size ? size : start + window};
}

static float share(span rows, span cols)
{
    return 1.0f / (float)((rows.last - rows.first) * (cols.last - cols.first));
}

yl_status YL_CPU(avgpool_forward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y)
{
#pragma omp parallel for collapse(2) schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->oh; row++)
        for (int64_t j = 0; j < g->ow; j++) {
            span rows = inside(row % g->oh * g->stride_h - g->pad, g->size_h, g->h);
            span cols = inside(j * g->stride_w - g->pad, g->size_w, g->w);
            float *out = (float *)y + (row * g->ow + j) * g->c, scale = share(rows, cols);
            for (int64_t c = 0; c < g->c; c++) out[c] = 0;
            for (int64_t r = rows.first; r < rows.last; r++)
                for (int64_t s = cols.first; s < cols.last; s++) {
                    const float *in = (const float *)x + ((row / g->oh * g->h + r) * g->w + s) * g->c;
                    for (int64_t c = 0; c < g->c; c++) out[c] += in[c];
                }
            for (int64_t c = 0; c < g->c; c++) out[c] *= scale;
        }
    return YL_OK;
}

/* The windows that see position `at`. */
static span windows_over(int64_t at, int64_t pad, int64_t window, int64_t stride, int64_t count)
{
    int64_t low = at + pad - window + 1, last = (at + pad) / stride + 1; /* i * stride >= low */
    return (span){low <= 0 ? 0 : (low + stride - 1) / stride, last < count ? last : count};
}

static void gather(const yl_pool_geom *g, const float *dy, int64_t row, int64_t s, float *dx)
{
    span rows = windows_over(row % g->h, g->pad, g->size_h, g->stride_h, g->oh),
         cols = windows_over(s, g->pad, g->size_w, g->stride_w, g->ow);
    for (int64_t i = rows.first; i < rows.last; i++)
        for (int64_t j = cols.first; j < cols.last; j++) {
            const float *in = dy + ((row / g->h * g->oh + i) * g->ow + j) * g->c;
            float scale = share(inside(i * g->stride_h - g->pad, g->size_h, g->h),
                                inside(j * g->stride_w - g->pad, g->size_w, g->w));
            for (int64_t c = 0; c < g->c; c++) dx[c] += scale * in[c];
        }
}

yl_status YL_CPU(avgpool_backward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *dy, void *dx, float beta)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++)
        for (int64_t s = 0; s < g->w; s++) {
            float *out = (float *)dx + (row * g->w + s) * g->c;
            for (int64_t c = 0; beta == 0 && c < g->c; c++) out[c] = 0;
            gather(g, dy, row, s, out);
        }
    return YL_OK;
}
