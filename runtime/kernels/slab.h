/* A block of a tensor copied for a convolution's inner loop: some rows of some images, some channels, padding made
 * real. The distance between pixels avoids powers of two, which would put a column of pixels into the same few cache
 * lines. */
#ifndef YL_KERNELS_SLAB_H
#define YL_KERNELS_SLAB_H

#include "core/device.h"
#include "kernels/factors.h"

#include <string.h>

/* The least multiple of b from a on. */
static inline int64_t yl__rounded(int64_t a, int64_t b)
{
    return (a + b - 1) / b * b;
}

/* What a block is cut from: x {n, h, w, ...} with `c` channels from `x` on and `pixel` floats between pixels. */
typedef struct yl__source {
    const float *x;
    int64_t h, w, pixel;
} yl__source;

/* The block: images [n0, n0 + n), rows [i0, i0 + rows), columns [j0, j0 + cols), channels [k0, k0 + c). Rows and
 * columns outside the image are zeros. In the copy a pixel takes `pixel` slots (kernels/factors.h), of which channels fill the first. */
typedef struct yl__block {
    int64_t n0, n, i0, rows, j0, cols, k0, c, pixel;
} yl__block;

/* Slots between pixels of so many. */
static inline int64_t yl__slab_pixel(int64_t c)
{
    return c >= 64 && c % 32 == 0 ? c + 16 : c;
}

static inline void yl__slab_row(const yl__source *s, const yl__block *b, int64_t n, int64_t i, float *to)
{
    if (i < 0 || i >= s->h) {
        memset(to, 0, (size_t)(b->cols * b->pixel) * sizeof *to);
        return;
    }
    const float *row = s->x + (n * s->h + i) * s->w * s->pixel + b->k0;
    int64_t left = b->j0 < 0 ? -b->j0 : 0, end = s->w - b->j0 < b->cols ? s->w - b->j0 : b->cols;
    left = left < b->cols ? left : b->cols, end = end < left ? left : end;
    memset(to, 0, (size_t)(left * b->pixel) * sizeof *to);
    if (YL_PAIR == 1 && b->pixel == s->pixel && b->c == s->pixel)
        memcpy(to + left * b->pixel, row + (b->j0 + left) * s->pixel, (size_t)((end - left) * b->pixel) * sizeof *to);
    else
        for (int64_t j = left; j < end; j++) yl__copy_factors(to + j * b->pixel, row + (b->j0 + j) * s->pixel, b->c);
    memset(to + end * b->pixel, 0, (size_t)((b->cols - end) * b->pixel) * sizeof *to);
}

static inline void yl__slab_copy(const yl__source *s, const yl__block *b, float *to)
{
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = 0; i < b->rows; i++)
            yl__slab_row(s, b, b->n0 + n, b->i0 + i, to + (n * b->rows + i) * b->cols * b->pixel);
}

/* to[i] += the threads' sums, `apart` floats from one to the next, in order. */
static inline void yl__add_sums(const yl_ctx *ctx, int64_t count, const float *sums, int64_t apart, float *to)
{
    const int64_t step = 4096;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t from = 0; from < count; from += step) {
        int64_t end = from + step < count ? from + step : count;
        for (int64_t t = 0; t < ctx->threads; t++)
            for (int64_t i = from; i < end; i++) to[i] += sums[t * apart + i];
    }
}

#endif
