/* Max pooling on the CPU: maxpool.h has the formulas. */
#include "kernels/kernels.h"
#include "kernels/lanes.h"

#include <string.h>

typedef struct span {
    int64_t first, last;
} span;

/* The part of window `i` that lies inside 0..size-1, as offsets within the window. */
static span inside(int64_t start, int64_t window, int64_t size)
{
    return (span){start < 0 ? -start : 0, start + window > size ? size - start : window};
}

static void window_max(const yl_pool_geom *g, const float *x, int64_t top, int64_t left, float *y)
{
    span rows = inside(top, g->size_h, g->h), cols = inside(left, g->size_w, g->w);
    const float *first = x + ((top + rows.first) * g->w + left + cols.first) * g->c;
    for (int64_t c = 0; c < g->c; c++) y[c] = first[c];
    for (int64_t u = rows.first; u < rows.last; u++)
        for (int64_t v = cols.first; v < cols.last; v++) {
            const float *in = x + ((top + u) * g->w + left + v) * g->c;
            for (int64_t c = 0; c < g->c; c++) y[c] = in[c] > y[c] || in[c] != in[c] ? in[c] : y[c];
        }
}

static void window_taken(const yl_pool_geom *g, const float *x, int64_t top, int64_t left, const float *y,
                         uint16_t *taken)
{
    span rows = inside(top, g->size_h, g->h), cols = inside(left, g->size_w, g->w);
    for (int64_t c = 0; c < g->c; c++) taken[c] = (uint16_t)(rows.first * g->size_w + cols.first);
    for (int64_t u = rows.last - 1; u >= rows.first; u--) /* backwards, so that the first one stands at the end */
        for (int64_t v = cols.last - 1; v >= cols.first; v--) {
            const float *in = x + ((top + u) * g->w + left + v) * g->c;
            uint16_t place = (uint16_t)(u * g->size_w + v);
            for (int64_t c = 0; c < g->c; c++) taken[c] = in[c] == y[c] ? place : taken[c];
        }
}

/* The same of bytes, whose order is that of the numbers: a part of the channels of one window, `c` of them. */
YL__INLINE void window_max_bytes(const yl_pool_geom *g, span rows, span cols, const uint8_t *corner, int64_t c,
                                 uint8_t *y)
{
    uint8_t most[16] = {0};
    for (int64_t u = rows.first; u < rows.last; u++)
        for (int64_t v = cols.first; v < cols.last; v++) {
            const uint8_t *in = corner + (u * g->w + v) * g->c;
            for (int64_t k = 0; k < c; k++) most[k] = in[k] > most[k] ? in[k] : most[k];
        }
    memcpy(y, most, (size_t)c);
}

/* All channels: 16 at a time, of which the last begin earlier where they are not whole. */
static void window_bytes(const yl_pool_geom *g, const uint8_t *image, int64_t top, int64_t left, uint8_t *y)
{
    span rows = inside(top, g->size_h, g->h), cols = inside(left, g->size_w, g->w);
    const uint8_t *corner = image + (top * g->w + left) * g->c;
    if (g->c < 16) {
        window_max_bytes(g, rows, cols, corner, g->c, y);
        return;
    }
    for (int64_t c = 0; c < g->c; c += 16) {
        int64_t from = c + 16 <= g->c ? c : g->c - 16;
        window_max_bytes(g, rows, cols, corner + from, 16, y + from);
    }
}

static yl_status maxpool_bytes(const yl_ctx *ctx, const yl_pool_geom *g, const uint8_t *x, uint8_t *y)
{
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->oh; row++)
        for (int64_t j = 0; j < g->ow; j++)
            window_bytes(g, x + row / g->oh * g->h * g->w * g->c, row % g->oh * g->stride_h - g->pad,
                         j * g->stride_w - g->pad, y + (row * g->ow + j) * g->c);
    return YL_OK;
}

yl_status YL_CPU(maxpool_forward)(const yl_ctx *ctx, const yl_pool_geom *g, const void *x, void *y, uint16_t *taken)
{
    if (g->dtype == YL_U8) return maxpool_bytes(ctx, g, x, y);
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->oh; row++) {
        const float *image = (const float *)x + row / g->oh * g->h * g->w * g->c;
        int64_t top = row % g->oh * g->stride_h - g->pad;
        for (int64_t j = 0; j < g->ow; j++) {
            int64_t at = (row * g->ow + j) * g->c, left = j * g->stride_w - g->pad;
            window_max(g, image, top, left, (float *)y + at);
            if (taken) window_taken(g, image, top, left, (float *)y + at, taken + at);
        }
    }
    return YL_OK;
}

/* The windows that see position `at`: first <= i < last. */
static span windows_over(int64_t at, int64_t pad, int64_t window, int64_t stride, int64_t count)
{
    int64_t low = at + pad - window + 1; /* i * stride >= low */
    span s = {low <= 0 ? 0 : (low + stride - 1) / stride, (at + pad) / stride + 1};
    if (s.last > count) s.last = count;
    return s;
}

static void gather(const yl_pool_geom *g, const uint16_t *taken, const float *dy, int64_t n, int64_t r, int64_t s,
                   float *dx)
{
    span rows = windows_over(r, g->pad, g->size_h, g->stride_h, g->oh),
         cols = windows_over(s, g->pad, g->size_w, g->stride_w, g->ow);
    for (int64_t i = rows.first; i < rows.last; i++)
        for (int64_t j = cols.first; j < cols.last; j++) {
            int64_t at = ((n * g->oh + i) * g->ow + j) * g->c;
            uint16_t place = (uint16_t)((r + g->pad - i * g->stride_h) * g->size_w + s + g->pad - j * g->stride_w);
            for (int64_t c = 0; c < g->c; c++) dx[c] += taken[at + c] == place ? dy[at + c] : 0.0f;
        }
}

yl_status YL_CPU(maxpool_backward)(const yl_ctx *ctx, const yl_pool_geom *g, const uint16_t *taken, const void *dy,
                                   void *dx, float beta)
{
#pragma omp parallel for schedule(static) num_threads(ctx->threads)
    for (int64_t row = 0; row < g->n * g->h; row++)
        for (int64_t s = 0; s < g->w; s++) {
            float *out = (float *)dx + (row * g->w + s) * g->c;
            if (beta == 0)
                for (int64_t c = 0; c < g->c; c++) out[c] = 0;
            gather(g, taken, dy, row / g->h, row % g->h, s, out);
        }
    return YL_OK;
}
