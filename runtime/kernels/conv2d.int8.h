/* What the algorithms of the convolution of quantised activations share: sums of products of bytes, exact in 32 bits, and the epilogue.
 * conv2d.int8.tile.h makes the tiles of one way to multiply. */
#ifndef YL_KERNELS_CONV2D_INT8_H
#define YL_KERNELS_CONV2D_INT8_H

#include "kernels/activation.formulas.h"
#include "kernels/kernels.h"
#include "kernels/lanes.h"
#include "kernels/quant.formulas.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum {
    YL_INT8_LANES = YL_VL, /* output channels of a vector of sums */
    YL_INT8_VECTORS = 4,   /* most vectors of a block of output channels */
    YL_INT8_ROWS = 14,     /* most pixels of a tile */
    YL_INT8_DEEP = 4,      /* input channels that one instruction takes together */
    YL_INT8_BLOCK = YL_INT8_LANES * YL_INT8_VECTORS
};

/* One image in one block of output channels. Each filter reads `runs` runs of `length` groups of YL_INT8_DEEP input channels; those of row r and
 * column c begin at r * row_step + c * column_step from the pixel. */
typedef struct yl__int8_pass {
    const yl_conv2d_geom *g;
    const uint8_t *image;  /* bordered, where it had to be copied */
    int64_t pixel, row;    /* bytes from one pixel of it to the next, and from row to row */
    int64_t rows, columns; /* runs: rows * columns, */
    int64_t row_step, column_step;
    int64_t length;
    int64_t first, count;  /* output channels of the block */
    const int8_t *weights; /* of the block: for each group, YL_INT8_DEEP weights per channel */
    int64_t group;         /* bytes from group to group: a last vector may reach into the next one */
    float factor[YL_INT8_BLOCK], bias[YL_INT8_BLOCK]; /* y = act(factor * (sum + start) + bias) */
    int32_t start[YL_INT8_BLOCK];
    bool simple; /* see int8_simple; then with the factor of the bytes in factor and bias */
    float slope; /* of negative numbers, before a further activation: 1 unless simple */
    void *y;
} yl__int8_pass;

/* One way to multiply bytes. */
typedef struct yl__int8_way {
    void (*tiles)(const yl__int8_pass *p, int vectors, int64_t first, int64_t last);
    int rows[YL_INT8_VECTORS + 1]; /* pixels of a tile with so many vectors */
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
yl__int8_border YL_CPU(int8_border)(const yl_conv2d_geom *g, int64_t c);
/* Row i of the bordered image. */
void YL_CPU(int8_put_row)(const yl_conv2d_geom *g, const yl__int8_border *b, const uint8_t *x, int64_t i, uint8_t *to);
bool YL_CPU(int8_supports)(const yl_conv2d_geom *g, yl_direction d);
size_t YL_CPU(int8_packed_bytes)(const yl_conv2d_geom *g, yl_direction d);
yl_status YL_CPU(int8_pack)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                            const float *scale, void *packed);
size_t YL_CPU(int8_scratch_bytes)(const yl__int8_way *way, const yl_conv2d_geom *g);
yl_status YL_CPU(int8_run)(const yl__int8_way *way, const yl_ctx *ctx, const yl_conv2d_geom *g,
                           const yl_conv2d_run *run);

/* Where the pixels from q on (row by row) begin to read; those behind the last one read what the last one does. */
YL__INLINE void int8_pixels(const yl__int8_pass *p, int rows, int64_t q, const uint8_t **at)
{
    const yl_conv2d_geom *g = p->g;
    int64_t i = q / g->ow, j = q % g->ow, step = g->sw * p->pixel;
    const uint8_t *from = p->image + i * g->sh * p->row + j * step;
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
    else
        for (int64_t i = 0; i < rows; i++)
            int8_copy(to + i * step * size, from + i * lanes * size, count * size, lanes * size);
}

/* Bytes round(y) + zero, brought into 0..255, of a count that is a multiple of 4. */
YL__INLINE void int8_round(const float *y, int count, int32_t zero, uint8_t *to)
{
    int i = 0;
#if defined(__AVX512BW__)
    for (; i + 16 <= count; i += 16) {
        __m512i q = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_loadu_ps(y + i), _mm512_set1_ps(512)));
        q = _mm512_max_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(zero)), _mm512_setzero_si512());
        _mm_storeu_si128((__m128i *)(to + i), _mm512_cvtusepi32_epi8(q));
    }
#endif
#if defined(__AVX2__)
    for (; i + 8 <= count; i += 8) {
        __m256i q = _mm256_cvtps_epi32(_mm256_min_ps(_mm256_loadu_ps(y + i), _mm256_set1_ps(512)));
        q = _mm256_add_epi32(q, _mm256_set1_epi32(zero));
        __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storel_epi64((__m128i *)(to + i), _mm_packus_epi16(words, words));
    }
#endif
    for (; i < count; i++) to[i] = yl__quant_byte(y[i], 1, zero);
}

/* What is left of an activation between rounding and sums: max(x, slope * x), where it is that and y is bytes; the factor of the bytes is then
 * part of factor and bias. */
YL__INLINE bool int8_simple(const yl_conv2d_geom *g, float *slope)
{
    bool known = g->act == YL_ACT_leaky || g->act == YL_ACT_linear || g->act == YL_ACT_relu;
    *slope = g->act == YL_ACT_leaky ? g->leaky_slope : g->act == YL_ACT_linear ? 1 : 0;
    return g->out_dtype == YL_U8 && known && *slope >= 0 && *slope <= 1;
}

/* `count` numbers of the outputs from q on, pixel by pixel `lanes` apart, as they are to be. */
YL__INLINE void int8_store(const yl_conv2d_geom *g, bool simple, float *y, int rows, int lanes, int64_t valid,
                           int64_t count, void *to, int64_t at)
{
    uint8_t bytes[YL_INT8_ROWS * YL_INT8_BLOCK];
    if (!simple) yl__activate(g->act, g->leaky_slope, rows * lanes, y);
    if (g->out_dtype == YL_F32) {
        int8_put((uint8_t *)to + at * 4, (const uint8_t *)y, valid, count, lanes, g->oc, 4);
        return;
    }
    float inverse = 1 / g->y_quant.scale;
    for (int i = 0; !simple && i < rows * lanes; i++) y[i] *= inverse;
    int8_round(y, rows * lanes, g->y_quant.zero, bytes);
    int8_put((uint8_t *)to + at, bytes, valid, count, lanes, g->oc, 1);
}

/* The sums {rows, lanes} of pixels from q on become outputs. */
YL__INLINE void int8_finish(const yl__int8_pass *p, int rows, int lanes, const int32_t *sums, int64_t q)
{
    const yl_conv2d_geom *g = p->g;
    float y[YL_INT8_ROWS * YL_INT8_BLOCK], slope = p->slope;
    int64_t valid = g->oh * g->ow - q < rows ? g->oh * g->ow - q : rows;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < lanes; j++) {
            float x = (float)(sums[i * lanes + j] + p->start[j]) * p->factor[j] + p->bias[j];
            y[i * lanes + j] = x > slope * x ? x : slope * x;
        }
    int8_store(g, p->simple, y, rows, lanes, valid, p->count, p->y, q * g->oc + p->first);
}

#endif
