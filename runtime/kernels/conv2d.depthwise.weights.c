/* Depthwise convolution, backward weights:
 *
 *   dw[k,u,v] += sum over n, i, j of dy[n,i,j,k] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, k]
 *
 * Channels are the vector's lanes. Where all taps of some neighbouring pixels lie in the picture, a row of taps is summed at
 * once in registers; the rest goes tap by tap. */
#include "kernels/conv2d.depthwise.h"
#include "kernels/lanes.h"

#include <string.h>

enum { DW_PIXELS = 8, FLUSH = 8 };

/* Some pixels of a row of dy, and x under their first tap. */
typedef struct dw_block {
    const float *x, *dy;
    int64_t x_row, c; /* floats between rows of taps; channels */
    int ki, kj, s;    /* rows of taps, taps in each; step between pixels */
    float *sums;      /* {ki, kj, c} */
} dw_block;

#if YL_VL >= 16
#define LANES 16
#include "kernels/conv2d.depthwise.weights.tile.h"
#undef LANES
#endif
#if YL_VL >= 8
#define LANES 8
#include "kernels/conv2d.depthwise.weights.tile.h"
#undef LANES
#endif
#define LANES 4
#include "kernels/conv2d.depthwise.weights.tile.h"
#undef LANES
#define LANES 1
#include "kernels/conv2d.depthwise.weights.tile.h"
#undef LANES

static void tile(const dw_block *b, int m)
{
    int64_t k = 0;
#if YL_VL >= 16
    k = tile_16(b, m, k);
#endif
#if YL_VL >= 8
    k = tile_8(b, m, k);
#endif
    k = tile_4(b, m, k);
    tile_1(b, m, k);
}

static void tap(const dw_block *b, int64_t count, int64_t x_pixel)
{
    int64_t k = 0;
    if (count <= 0) return;
#if YL_VL >= 16
    k = tap_16(b, count, x_pixel, k);
#endif
#if YL_VL >= 8
    k = tap_8(b, count, x_pixel, k);
#endif
    k = tap_4(b, count, x_pixel, k);
    tap_1(b, count, x_pixel, k);
}

static int64_t padded(int64_t floats)
{
    return (floats + 15) / 16 * 16;
}

/* A thread's sums, and those of the last few rows: sums of sums round less. */
size_t YL_CPU(conv2d_depthwise_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    return (size_t)(ctx->threads * 2 * padded(g->kh * g->kw * g->c)) * sizeof(float);
}

typedef struct range {
    int64_t from, to;
} range;

/* The columns of dy whose tap v lies in the picture. */
static range columns_of(const yl_conv2d_geom *g, int64_t v)
{
    int64_t b = v * g->dw - g->pl; /* under column 0 */
    range r = {b < 0 ? (-b + g->sw - 1) / g->sw : 0, b < g->w ? (g->w - 1 - b) / g->sw + 1 : 0};
    r.to = r.to < g->ow ? r.to : g->ow;
    return r.from < r.to ? r : (range){0, 0};
}

/* The columns that `tile` takes: a multiple of 4 with all taps in the picture. */
static range whole_columns(const yl_conv2d_geom *g)
{
    range first = columns_of(g, 0), last = columns_of(g, g->kw - 1);
    range r = {first.from > last.from ? first.from : last.from, first.to < last.to ? first.to : last.to};
    bool takes = (g->kw == 3 || g->kw == 5) && g->dw == 1 && (g->sw == 1 || g->sw == 2);
    if (!takes || r.to - r.from < 4) return (range){0, 0};
    r.to = r.from + (r.to - r.from) / 4 * 4;
    return r;
}

/* The taps that `whole` leaves, one by one. */
static void add_rest(const yl_conv2d_geom *g, const dw_block *row, range whole)
{
    for (int64_t u = 0; u < row->ki; u++)
        for (int64_t v = 0; v < g->kw; v++) {
            range all = columns_of(g, v);
            range parts[2] = {all, {0, 0}};
            if (whole.to > 0) parts[0].to = whole.from, parts[1] = (range){whole.to, all.to};
            for (int q = 0; q < 2; q++) {
                dw_block b = *row;
                b.x += u * row->x_row + (parts[q].from * g->sw + v * g->dw - g->pl) * g->c;
                b.dy += parts[q].from * g->c;
                b.sums += (u * g->kw + v) * g->c;
                tap(&b, parts[q].to - parts[q].from, g->sw * g->c);
            }
        }
}

static void add_row(const yl_conv2d_geom *g, const yl_conv2d_run *run, range whole, int64_t n, int64_t i, float *sums)
{
    int64_t top = i * g->sh - g->pt, u0 = top < 0 ? (-top + g->dh - 1) / g->dh : 0;
    int64_t u1 = top < g->h ? (g->h - 1 - top) / g->dh + 1 : 0;
    u1 = u1 < g->kh ? u1 : g->kh;
    if (u0 >= u1) return;
    dw_block row = {.x = (const float *)run->x + (n * g->h + top + u0 * g->dh) * g->w * g->c,
                    .dy = (const float *)run->dy + (n * g->oh + i) * g->ow * g->c,
                    .x_row = g->dh * g->w * g->c,
                    .c = g->c,
                    .ki = (int)(u1 - u0),
                    .kj = g->kw,
                    .s = g->sw,
                    .sums = sums + u0 * g->kw * g->c};
    for (int64_t j = whole.from, m; j < whole.to; j += m) {
        m = g->kw == 3 && whole.to - j >= 8 ? 8 : 4;
        dw_block b = row;
        b.x += (j * g->sw - g->pl) * g->c, b.dy += j * g->c;
        tile(&b, (int)m);
    }
    add_rest(g, &row, whole);
}

static void flush(int64_t count, float *part, float *sums)
{
    for (int64_t i = 0; i < count; i++) sums[i] += part[i], part[i] = 0;
}

/* Threads share the rows and have sums of their own, which are added in order. */
void YL_CPU(conv2d_depthwise_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    int64_t threads = ctx->threads, rows = g->n * g->oh, taps = g->kh * g->kw, each = 2 * padded(taps * g->c);
    range whole = whole_columns(g);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        float *sums = (float *)run->scratch + t * each, *part = sums + each / 2;
        memset(sums, 0, (size_t)each * sizeof *sums);
        for (int64_t r = rows * t / threads, end = rows * (t + 1) / threads; r < end; r++) {
            add_row(g, run, whole, r / g->oh, r % g->oh, part);
            if (r % FLUSH == FLUSH - 1 || r + 1 == end) flush(taps * g->c, part, sums);
        }
    }
    for (int64_t k = 0; k < g->c; k++)
        for (int64_t q = 0; q < taps; q++)
            for (int64_t t = 0; t < threads; t++)
                run->dweight[k * taps + q] += ((const float *)run->scratch)[t * each + q * g->c + k];
}
