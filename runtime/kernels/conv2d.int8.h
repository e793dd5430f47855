/* What the algorithms of the convolution of quantised activations share: sums of products of bytes, exact in 32 bits, and the epilogue.
 * conv2d.int8.tile.h makes the tiles of one way to multiply. */
#ifndef YL_KERNELS_CONV2D_INT8_H
#define YL_KERNELS_CONV2D_INT8_H

#include "kernels/activation.formulas.h"
#include "kernels/bytes.h"
#include "kernels/kernels.h"

enum {
    YL_INT8_LANES = YL_VL, /* output channels of a vector of sums */
#if defined(__x86_64__) && YL_VL < 16
    YL_INT8_VECTORS = 2, /* most vectors of a block of output channels: registers are few */
#else
    YL_INT8_VECTORS = 4,
#endif
    YL_INT8_ROWS = 16, /* most pixels of a tile */
    YL_INT8_BLOCK = YL_INT8_LANES * YL_INT8_VECTORS
};

/* What is left between sums and bytes of an activation that is max(x, slope * x); the factor of the bytes is then part of factor and bias. */
typedef enum yl__int8_end {
    YL_INT8_LINEAR, /* nothing */
    YL_INT8_LEAKY,  /* max(x, slope * x) */
    YL_INT8_OTHER   /* another activation, or the output is f32 */
} yl__int8_end;

/* One image in one block of output channels. Each filter reads `runs` runs of `length` groups of way->deep input channels; those of row r and
 * column c begin at r * row_step + c * column_step from the pixel. */
typedef struct yl__int8_pass {
    const yl_conv2d_geom *g;
    const uint8_t *image;  /* bordered, where it had to be copied */
    int64_t pixel, row;    /* bytes from one pixel of it to the next, and from row to row */
    int64_t rows, columns; /* runs: rows * columns, */
    int64_t row_step, column_step;
    int64_t length;
    int64_t first, count;                     /* output channels of the block */
    int vectors, across;                      /* of the block; or pixels that share a vector */
    const int8_t *weights;                    /* of the block: for each group, way->deep weights per channel */
    int64_t group;                            /* bytes from group to group: a last vector may reach into the next one */
    _Alignas(64) float factor[YL_INT8_BLOCK]; /* y = act(factor * sum + bias) */
    float bias[YL_INT8_BLOCK];
    int32_t start[2 * YL_INT8_BLOCK]; /* of the registers of sums, way->sums numbers per channel */
    yl__int8_end end;
    float slope;
    void *y;
} yl__int8_pass;

/* One way to multiply bytes. */
typedef struct yl__int8_way {
    void (*tiles)(const yl__int8_pass *p, int64_t first, int64_t last);
    int rows[YL_INT8_VECTORS + 1]; /* pixels of a tile with so many vectors */
    int across;                    /* most pixels that share a vector */
    int sums;                      /* registers of sums per vector */
    int deep;                      /* input channels that one instruction takes together */
    int x_bytes;                   /* of an input channel in the bordered image */
    int32_t off;                   /* what is taken off x there */
} yl__int8_way;

/* The image as it is copied: in a border of the byte of 0, with c channels. */
typedef struct yl__int8_border {
    int64_t h, w, c;
    int64_t bytes; /* 0: it is read where it is */
    int x_bytes;   /* of a channel */
    int32_t off;   /* what is taken off x */
} yl__int8_border;

/* conv2d.int8.c: what the algorithms share. */
bool YL_CPU(int8_supports)(const yl_conv2d_geom *g, yl_direction d);
size_t YL_CPU(int8_packed_bytes)(const yl__int8_way *way, const yl_conv2d_geom *g);
void YL_CPU(int8_pack)(const yl__int8_way *way, const yl_conv2d_geom *g, const float *weight, const float *scale,
                       void *packed);
size_t YL_CPU(int8_scratch_bytes)(const yl__int8_way *way, const yl_conv2d_geom *g);
/* The sums of the pixels from q on, as many as a tile has, become outputs. */
void YL_CPU(int8_end_tile)(const yl__int8_pass *p, const yl__sums *sums, int rows, int64_t q);
yl_status YL_CPU(int8_run)(const yl__int8_way *way, const yl_ctx *ctx, const yl_conv2d_geom *g,
                           const yl_conv2d_run *run);

/* Where the pixels from q on (row by row) begin to read; those behind the last one read what the last one does. */
YL__INLINE void int8_pixels(const yl__int8_pass *p, const int rows, int64_t q, const uint8_t **at)
{
    const yl_conv2d_geom *g = p->g;
    int64_t i = q / g->ow, j = q % g->ow, step = g->sw * p->pixel;
    const uint8_t *from = p->image + i * g->sh * p->row + j * step;
    if (j + rows <= g->ow)
        for (int k = 0; k < rows; k++) at[k] = from + k * step;
    else
        for (int k = 0; k < rows; k++) {
            at[k] = from;
            if (++j < g->ow)
                from += step;
            else if (i + 1 < g->oh)
                i++, j = 0, from = p->image + i * g->sh * p->row;
        }
}

/* Copies `count` bytes, fewer than `most`, in steps of a known size: one of an unknown size would be a call for each pixel. */
YL__INLINE void int8_copy(uint8_t *to, const uint8_t *from, int64_t count, int most)
{
#define STEP(n)                                                                                                        \
    if (most > n && count & n) memcpy(to, from, n), to += n, from += n
    STEP(128);
    STEP(64);
    STEP(32);
    STEP(16);
    STEP(8);
    STEP(4);
    STEP(2);
    STEP(1);
#undef STEP
}

/* Rows of `count` elements of `size` bytes, `lanes` apart, to where they are `step` apart. */
YL__INLINE void int8_put(uint8_t *to, const uint8_t *from, int64_t rows, int64_t count, int lanes, int64_t step,
                         int size)
{
    if (count == step && count == lanes)
        memcpy(to, from, (size_t)(rows * count * size));
    else if (count == lanes)
        for (int64_t i = 0; i < rows; i++)
            memcpy(to + i * step * size, from + i * lanes * size, (size_t)(lanes * size));
    else if (count == lanes / 2)
        for (int64_t i = 0; i < rows; i++)
            memcpy(to + i * step * size, from + i * lanes * size, (size_t)(lanes / 2 * size));
    else {
        int64_t i = 0;
        if (count == step) /* what is written too much is written over */
            for (; i * step + lanes <= rows * step; i++)
                memcpy(to + i * step * size, from + i * lanes * size, (size_t)(lanes * size));
        for (; i < rows; i++) int8_copy(to + i * step * size, from + i * lanes * size, count * size, lanes * size);
    }
}

YL__INLINE yl__int8_end int8_end(const yl_conv2d_geom *g, float *slope)
{
    *slope = g->act == YL_ACT_leaky ? g->leaky_slope : 0;
    if (g->out_dtype != YL_U8) return YL_INT8_OTHER;
    if (g->act == YL_ACT_linear) return YL_INT8_LINEAR;
    bool leaky = g->act == YL_ACT_relu || g->act == YL_ACT_leaky;
    return leaky && *slope >= 0 && *slope <= 1 ? YL_INT8_LEAKY : YL_INT8_OTHER;
}

/* How sums become numbers, channel by channel: factor * sum + bias. */
typedef struct yl__int8_ends {
    const float *factor, *bias;
    yl__int8_end end;
    float slope;
} yl__int8_ends;

YL__INLINE yl__numbers int8_number(const yl__int8_ends *e, yl__sums sum, int64_t channel)
{
    return __builtin_convertvector(sum, yl__numbers) * *(const yl__numbers *)(e->factor + channel) +
           *(const yl__numbers *)(e->bias + channel);
}

/* The bytes of vectors of sums, pixel by pixel `lanes` apart; those of each vector `step` behind those of the one before. */
YL__INLINE void int8_bytes(const yl__int8_ends *e, const bool leaky, const yl__sums *sums, const int vectors,
                           const int lanes, int32_t zero, uint8_t *to, int64_t step)
{
    const int period = lanes > YL_VL ? lanes / YL_VL : 1;
    const bool same = YL_BYTE_VECTORS % period == 0; /* channels each time */
#pragma GCC unroll 1
    for (int v = 0; v < vectors; v += YL_BYTE_VECTORS, to += YL_BYTE_VECTORS * step) {
        yl__numbers y[YL_BYTE_VECTORS];
#pragma GCC unroll 4
        for (int i = 0; i < YL_BYTE_VECTORS; i++) {
            y[i] = int8_number(e, sums[v + i], ((same ? 0 : v) + i) % period * YL_VL);
            if (leaky) y[i] = yl__larger(y[i], y[i] * e->slope);
        }
        yl__put_bytes(y, zero, to, step);
    }
}

/* As int8_finish, for an activation of its own, or outputs of f32. */
YL__INLINE void int8_finish_other(const yl_conv2d_geom *g, const yl__int8_ends *e, const yl__sums *sums,
                                  const int vectors, const int lanes, int64_t valid, int64_t count, int64_t step,
                                  void *to, int64_t at)
{
    float y[YL_INT8_ROWS * YL_INT8_BLOCK], inverse = 1 / g->y_quant.scale;
    uint8_t bytes[YL_INT8_ROWS * YL_INT8_BLOCK];
    for (int v = 0; v < vectors; v++)
        *(yl__numbers *)(y + v * YL_VL) = int8_number(e, sums[v], lanes > YL_VL ? v * YL_VL % lanes : 0);
    yl__activate(g->act, g->leaky_slope, vectors * YL_VL, y);
    if (g->out_dtype == YL_F32) {
        int8_put((uint8_t *)((float *)to + at), (const uint8_t *)y, valid, count, lanes, step, 4);
        return;
    }
    for (int i = 0; i < vectors * YL_VL; i++) bytes[i] = yl__quant_byte(y[i], inverse, g->y_quant.zero);
    int8_put((uint8_t *)to + at, bytes, valid, count, lanes, step, 1);
}

/* Vectors of sums, of pixels of `lanes` channels, become outputs: `count` of each of `valid` pixels, `step` apart from element `at` of `to` on.
 * `vectors` is a multiple of YL_BYTE_VECTORS. */
YL__INLINE void int8_finish(const yl_conv2d_geom *g, const yl__int8_ends *e, const yl__sums *sums, const int vectors,
                            const int lanes, int64_t valid, int64_t count, int64_t step, void *to, int64_t at)
{
    if (e->end == YL_INT8_OTHER) {
        int8_finish_other(g, e, sums, vectors, lanes, valid, count, step, to, at);
        return;
    }
    _Alignas(64) uint8_t bytes[YL_INT8_ROWS * YL_INT8_BLOCK];
    /* Whole tiles go where they belong at once, if what is rounded together is pixels, or all of it lies in a row. */
    bool direct = valid * lanes == vectors * YL_VL && count == lanes && (lanes == YL_VL || step == lanes);
    uint8_t *first = (uint8_t *)to + at, *put = direct ? first : bytes;
    int64_t apart = lanes == YL_VL && direct ? step : YL_VL;
    if (e->end == YL_INT8_LINEAR)
        int8_bytes(e, false, sums, vectors, lanes, g->y_quant.zero, put, apart);
    else
        int8_bytes(e, true, sums, vectors, lanes, g->y_quant.zero, put, apart);
    if (!direct) int8_put(first, bytes, valid, count, lanes, step, 1);
}

#endif
