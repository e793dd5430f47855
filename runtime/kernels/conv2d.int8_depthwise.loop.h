/* Depthwise convolution of bytes: each channel has its own filter. DEEP rows of the image are interleaved, so that a number of 32 bits holds
 * what lies one below the other in a channel, and one instruction multiplies it with as many taps of the filter:
 *
 *   sum[j, k] = sum over groups of rows a, columns v of image[m + a * STEPS, j * sw + v, k] . weights[phase, a, v, k]
 *
 * Groups of rows begin at every second row, so that those of an output row begin m rows of groups down: either at its first row (phase 0) or at
 * the one before (phase 1).
 *
 * A unit is a pixel of the output, or as many pixels as fill whole vectors, where columns are not skipped and a row has a multiple of them:
 * vectors then go over pixels and channels as they lie in memory.
 *
 * The including file describes a way to multiply:
 *
 *   ALGORITHM, NAME     of the algorithm
 *   TARGET              an attribute for functions that use it
 *   DEEP, deep_t        rows of a group, and the type of an element of it
 *   AVAILABLE           whether the processor has it
 *   MULTIPLY(s, x, w)   s + the products of YL_VL groups of x and of weights, yl__sums all of them */
#include "kernels/conv2d.int8.h"

enum { STEPS = DEEP / 2, TILE = YL_BYTE_VECTORS, MOST_TAPS = 49, MOST_PIXELS = 4 };

static int64_t up(int64_t count, int64_t to)
{
    return (count + to - 1) / to * to;
}

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    return AVAILABLE && d == YL_FORWARD && g->dtype == YL_U8 && g->groups == g->c && g->oc == g->c && g->groups > 1 &&
           g->dh == 1 && g->dw == 1 && g->kh * g->kw <= MOST_TAPS;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g) / DEEP;
}

/* Packed: for each channel a scale, then the bytes {taps, channels}. */
static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return (size_t)g->c * sizeof(float) + (size_t)(g->kh * g->kw * g->c);
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    float *scales = packed;
    int8_t *bytes = (int8_t *)(scales + g->c);
    int64_t taps = (int64_t)g->kh * g->kw;
    (void)ctx, (void)d;
    for (int64_t o = 0; o < g->c; o++) {
        float factor = scale ? scale[o] : 1;
        scales[o] = yl__quant_weight_scale(weight + o * taps, taps, factor);
        for (int64_t t = 0; t < taps; t++)
            bytes[t * g->c + o] = yl__quant_weight(weight[o * taps + t], factor, scales[o]);
    }
    return YL_OK;
}

/* ---- what a run reads, in its scratch ---- */

typedef struct dw_job {
    const yl_conv2d_geom *g;
    int64_t pixels, unit, units; /* pixels and channels of a unit, and units of a row */
    int64_t stride;              /* taps from one unit to the next */
    int64_t w, row;              /* pixels of a row of groups, and its groups */
    int64_t rows;                /* of groups */
    int phases, parts;           /* parts: groups of rows that a filter reads */
    deep_t *image;               /* {rows, w, c, DEEP} */
    deep_t *weights;             /* {phases, parts, kw, unit, DEEP} */
    float *factor, *bias;        /* of a unit */
    int32_t *start;
    uint8_t *nothing; /* a row of the byte of 0 */
    uint8_t *no_taps; /* zeros for all channels */
    yl__int8_end end;
    float slope;
    void *y;
} dw_job;

/* The next `bytes` of scratch, of which `used` are taken; NULL if there is none. */
static void *take(void *scratch, size_t *used, int64_t bytes)
{
    size_t at = *used;
    *used += (size_t)up(bytes, 64);
    return scratch ? (char *)scratch + at : NULL;
}

/* `bytes` becomes the size of the scratch, which may be NULL. */
static dw_job job_of(const yl_conv2d_geom *g, void *scratch, size_t *bytes)
{
    dw_job job = {.g = g, .pixels = 1};
    while (g->sw == 1 && job.pixels < MOST_PIXELS && job.pixels * g->c % YL_VL) job.pixels *= 2;
    if (g->ow % job.pixels || job.pixels * g->c % YL_VL) job.pixels = 1;
    job.unit = up(job.pixels * g->c, YL_VL);
    job.units = g->ow / job.pixels;
    job.stride = job.pixels * g->sw;
    job.phases = g->sh % 2 ? 2 : 1;
    job.parts = (g->kh + job.phases - 1 + DEEP - 1) / DEEP;
    job.w = (g->ow - 1) * g->sw + g->kw;
    job.row = job.w * g->c;
    job.rows = (g->oh - 1) * g->sh / 2 + (job.parts - 1) * STEPS + 1;

    int64_t over = TILE * (job.unit > g->sw * g->c ? job.unit : g->sw * g->c); /* what a last tile reads too much */
    *bytes = 0;
    job.image = take(scratch, bytes, (job.rows * job.row + over) * 4);
    job.weights = take(scratch, bytes, (int64_t)job.phases * job.parts * g->kw * job.unit * 4);
    job.factor = take(scratch, bytes, job.unit * 4);
    job.bias = take(scratch, bytes, job.unit * 4);
    job.start = take(scratch, bytes, job.unit * 4);
    job.nothing = take(scratch, bytes, g->w * g->c);
    job.no_taps = take(scratch, bytes, g->c);
    return job;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    size_t bytes;
    (void)ctx, (void)d;
    job_of(g, NULL, &bytes);
    return bytes;
}

/* Interleaves rows of `count` bytes. */
YL__INLINE void interleave(const uint8_t *const row[DEEP], int64_t count, const bool is_signed, deep_t *to)
{
    int64_t i = 0;
#if defined(__SSE4_1__)
#define ROW(d) _mm_loadu_si128((const __m128i *)(row[d] + i))
    for (; i + 16 <= count; i += 16) {
        __m128i low = _mm_unpacklo_epi8(ROW(0), ROW(1)), high = _mm_unpackhi_epi8(ROW(0), ROW(1)), put[4];
#if DEEP == 4
        __m128i low2 = _mm_unpacklo_epi8(ROW(2), ROW(3)), high2 = _mm_unpackhi_epi8(ROW(2), ROW(3));
        put[0] = _mm_unpacklo_epi16(low, low2), put[1] = _mm_unpackhi_epi16(low, low2);
        put[2] = _mm_unpacklo_epi16(high, high2), put[3] = _mm_unpackhi_epi16(high, high2);
#else
        const __m128i zero = _mm_setzero_si128();
        __m128i above = is_signed ? _mm_cmpgt_epi8(zero, low) : zero,
                above2 = is_signed ? _mm_cmpgt_epi8(zero, high) : zero;
        put[0] = _mm_unpacklo_epi8(low, above), put[1] = _mm_unpackhi_epi8(low, above);
        put[2] = _mm_unpacklo_epi8(high, above2), put[3] = _mm_unpackhi_epi8(high, above2);
#endif
        for (int d = 0; d < 4; d++) _mm_storeu_si128((__m128i *)(to + (i + 4 * d) * DEEP), put[d]);
    }
#undef ROW
#endif
    for (; i < count; i++)
        for (int d = 0; d < DEEP; d++) to[i * DEEP + d] = (deep_t)(is_signed ? (int8_t)row[d][i] : row[d][i]);
}

/* `count` groups of the byte of 0. */
static void put_nothing(const yl_conv2d_geom *g, int64_t count, deep_t *to)
{
    for (int64_t i = 0; i < count * DEEP; i++) to[i] = (deep_t)g->x_quant.zero;
}

/* Row m of groups. */
static void put_row(const dw_job *job, const uint8_t *x, int64_t m)
{
    const yl_conv2d_geom *g = job->g;
    const uint8_t *row[DEEP];
    deep_t *to = job->image + m * job->row * DEEP;
    int64_t inside = job->w - g->pl < g->w ? job->w - g->pl : g->w, right = job->w - g->pl - inside;
    for (int u = 0; u < DEEP; u++) {
        int64_t i = 2 * m + u - g->pt;
        row[u] = i < 0 || i >= g->h ? job->nothing : x + i * g->w * g->c;
    }
    if (inside < 1) {
        put_nothing(g, job->row, to);
        return;
    }
    put_nothing(g, g->pl * g->c, to), to += g->pl * g->c * DEEP;
    interleave(row, inside * g->c, false, to), to += inside * g->c * DEEP;
    put_nothing(g, right * g->c, to);
}

/* Of one column of a group of rows of the filter, the first of which is row u, to `to`: as many channels as a unit has. */
static void put_taps(const dw_job *job, const int8_t *bytes, int64_t u, int64_t v, deep_t *to)
{
    const yl_conv2d_geom *g = job->g;
    const uint8_t *row[DEEP];
    int64_t filled = job->pixels * g->c;
    for (int64_t d = 0; d < DEEP; d++)
        row[d] = u + d < 0 || u + d >= g->kh ? job->no_taps : (const uint8_t *)bytes + ((u + d) * g->kw + v) * g->c;
    for (int64_t k = 0; k < filled; k += g->c) interleave(row, g->c, true, to + k * DEEP);
    memset(to + filled * DEEP, 0, (size_t)((job->unit - filled) * DEEP) * sizeof *to);
}

static void put_numbers(const dw_job *job, const yl_conv2d_run *run)
{
    const yl_conv2d_geom *g = job->g;
    const float *scales = run->packed;
    const int8_t *bytes = (const int8_t *)(scales + g->c);
    float unit = job->end == YL_INT8_OTHER ? 1 : 1 / g->y_quant.scale;
    deep_t *to = job->weights;
    memset(job->nothing, g->x_quant.zero, (size_t)(g->w * g->c));
    memset(job->no_taps, 0, (size_t)g->c);
    for (int phase = 0; phase < job->phases; phase++)
        for (int a = 0; a < job->parts; a++)
            for (int v = 0; v < g->kw; v++, to += job->unit * DEEP) put_taps(job, bytes, a * DEEP - phase, v, to);
    memset(job->factor, 0, (size_t)job->unit * sizeof *job->factor);
    memset(job->bias, 0, (size_t)job->unit * sizeof *job->bias);
    memset(job->start, 0, (size_t)job->unit * sizeof *job->start);
    for (int64_t t = 0; t < (int64_t)g->kh * g->kw; t++)
        for (int64_t k = 0; k < g->c; k++) job->start[k] -= bytes[t * g->c + k];
    for (int64_t k = 0; k < job->pixels * g->c; k++) {
        int64_t o = k % g->c;
        job->factor[k] = g->x_quant.scale * scales[o] * unit;
        job->bias[k] = run->bias ? run->bias[o] * unit : 0;
        job->start[k] = k < g->c ? job->start[k] * g->x_quant.zero : job->start[o];
    }
}

/* ---- a run ---- */

/* Sums of TILE units, `stride` taps apart. x and w lie under the first tap, `tap` and `column` before the next one, and a part of groups of rows
 * before the next part. A pixel of x is loaded once for all columns of taps that meet it. */
YL__INLINE TARGET void sum_up(const deep_t *x, int64_t tap, int64_t part, const deep_t *w, int64_t column, int parts,
                              const int columns, const int stride, yl__sums sums[TILE])
{
    for (int a = 0; a < parts; a++, x += part, w += columns * column) {
        const deep_t *at = x;
#pragma GCC unroll 16
        for (int p = 0; p < (TILE - 1) * stride + columns; p++, at += tap) {
            const yl__sums pixel = *(const yl__sums *)at;
#pragma GCC unroll 5
            for (int v = 0; v < columns; v++)
                if (p >= v && (p - v) % stride == 0 && (p - v) / stride < TILE)
                    sums[(p - v) / stride] =
                        MULTIPLY(sums[(p - v) / stride], pixel, *(const yl__sums *)(w + v * column));
        }
    }
}

/* The same for any filter and stride. */
static TARGET void sum_up_any(const dw_job *job, const deep_t *x, const deep_t *w, int64_t step, yl__sums sums[TILE])
{
    const yl_conv2d_geom *g = job->g;
    for (int a = 0; a < job->parts; a++, x += STEPS * job->row * DEEP)
        for (int v = 0; v < g->kw; v++, w += job->unit * DEEP)
            for (int t = 0; t < TILE; t++)
                sums[t] =
                    MULTIPLY(sums[t], *(const yl__sums *)(x + (t * step + v * g->c) * DEEP), *(const yl__sums *)w);
}

/* Row i of the output; `columns` of taps, units `stride` taps apart. 0: any. */
YL__INLINE TARGET void put_outputs(const dw_job *job, int64_t i, const int columns, const int stride)
{
    const yl_conv2d_geom g = *job->g;
    int64_t m = i * g.sh / 2, phase = i * g.sh % 2, unit = job->unit, units = job->units;
    int64_t step = job->stride * g.c, y_step = job->pixels > 1 ? unit : g.c;
    const int64_t tap = g.c * DEEP, column = unit * DEEP, part = STEPS * job->row * DEEP;
    const deep_t *weights = job->weights + phase * job->parts * g.kw * unit * DEEP;
    const yl__int8_end end = job->end;
    const float slope = job->slope;
    void *y = job->y;
    const int64_t filled = job->pixels * g.c, count = filled < YL_VL ? filled : YL_VL;
    for (int64_t next = 0; next < filled; next += YL_VL) {
        const int64_t k = next + count <= filled ? next : filled - count; /* the last vector begins earlier */
        const yl__int8_ends ends = {job->factor + k, job->bias + k, end, slope};
        const yl__sums start = *(const yl__sums *)(job->start + k);
        const deep_t *x = job->image + (m * job->row + k) * DEEP, *w = weights + k * DEEP;
        int64_t at = i * g.ow * g.c + k;
        for (int64_t j = 0; j < units; j += TILE, x += TILE * step * DEEP, at += TILE * y_step) {
            yl__sums sums[TILE] = {start, start, start, start};
            if (stride)
                sum_up(x, tap, part, w, column, job->parts, columns, stride, sums);
            else
                sum_up_any(job, x, w, step, sums);
            int64_t valid = units - j < TILE ? units - j : TILE;
            int8_finish(&g, &ends, sums, TILE, YL_VL, valid, count, y_step, y, at);
        }
    }
}

static TARGET void put_output_row(const dw_job *job, int64_t i)
{
    int64_t columns = job->g->kw, stride = job->stride;
    if (columns == 3 && stride == 1)
        put_outputs(job, i, 3, 1);
    else if (columns == 3 && stride == 2)
        put_outputs(job, i, 3, 2);
    else if (columns == 5 && stride == 1)
        put_outputs(job, i, 5, 1);
    else if (columns == 5 && stride == 2)
        put_outputs(job, i, 5, 2);
    else
        put_outputs(job, i, 0, 0);
}

static yl_status run(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    size_t bytes;
    dw_job job = job_of(g, run->scratch, &bytes);
    (void)ctx, (void)d;
    job.end = int8_end(g, &job.slope);
    put_numbers(&job, run);
    for (int64_t n = 0; n < g->n; n++) {
        const uint8_t *x = (const uint8_t *)run->x + n * g->h * g->w * g->c;
        job.y = (char *)run->y + (size_t)(n * g->oh * g->ow * g->oc) * yl_dtype_bytes(g->out_dtype);
#pragma omp parallel num_threads(ctx->threads)
        {
#pragma omp for schedule(static)
            for (int64_t m = 0; m < job.rows; m++) put_row(&job, x, m);
#pragma omp for schedule(static)
            for (int64_t i = 0; i < g->oh; i++) put_output_row(&job, i);
        }
    }
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(ALGORITHM) = {
    .name = NAME,
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run,
};
