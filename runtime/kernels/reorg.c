/* Darknet's [reorg] on the CPU: reorg.h has the permutation. */
#include "kernels/kernels.h"

/* A place in a tensor of one image, stepped through in Darknet's order, w fastest. */
typedef struct place {
    int64_t c, h, w, rows, cols, channels;
} place;

static place place_at(int64_t index, int64_t channels, int64_t rows, int64_t cols)
{
    return (place){index / (rows * cols), index / cols % rows, index % cols, rows, cols, channels};
}

static void advance(place *p, int64_t by)
{
    for (p->w += by; p->w >= p->cols; p->w -= p->cols)
        if (++p->h == p->rows) p->h = 0, p->c++;
}

static int64_t nhwc(const place *p)
{
    return (p->h * p->cols + p->w) * p->channels + p->c;
}

/* Row (k, j) of z: its W elements are neighbours in the output and s apart in x. */
static void reorg_row(const yl_reorg_geom *g, int64_t k, int64_t j, const float *from, float *to, bool forward)
{
    int64_t s = g->stride, part = g->c / (s * s), q = k / part;
    int64_t start = ((k % part) * g->h * s + j * s + q / s) * g->w * s + q % s;
    place in = place_at(start, g->c, g->h, g->w);
    place out = place_at((k * g->h + j) * g->w, g->c * s * s, g->h / s, g->w / s);
    for (int64_t i = 0; i < g->w; i++) {
        if (forward)
            to[nhwc(&out)] = from[nhwc(&in)];
        else
            to[nhwc(&in)] += from[nhwc(&out)];
        advance(&in, s);
        advance(&out, 1);
    }
}

static void reorg(const yl_ctx *ctx, const yl_reorg_geom *g, const float *from, float *to, bool forward)
{
    int64_t image = g->h * g->w * g->c;
#pragma omp parallel for collapse(2) schedule(static) num_threads(ctx->threads)
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t k = 0; k < g->c; k++)
            for (int64_t j = 0; j < g->h; j++) reorg_row(g, k, j, from + n * image, to + n * image, forward);
}

yl_status YL_CPU(reorg_forward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *x, void *y)
{
    reorg(ctx, g, x, y, true);
    return YL_OK;
}

yl_status YL_CPU(reorg_backward)(const yl_ctx *ctx, const yl_reorg_geom *g, const void *dy, void *dx, float beta)
{
    for (int64_t i = 0; beta == 0 && i < g->n * g->h * g->w * g->c; i++) ((float *)dx)[i] = 0;
    reorg(ctx, g, dy, dx, false);
    return YL_OK;
}
