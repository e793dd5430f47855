/* Convolution of quantised activations (u8) with quantised weights (one scale per output channel), forward only. Sums are exact:
 *
 *   y[o] = act(scale(x) scale(w[o]) (sum over taps and channels of qx * qw[o]  -  zero(x) * sum of qw[o]) + bias[o])
 *
 * with |sum| < 2^31, which `supports` sees to. The image is copied once into a border of zero(x), channels filled up to a multiple of
 * way->deep, so that the tiles know no edges; a pointwise one is read where it is. The algorithms differ in how
 * they multiply (conv2d.int8_dot.c, conv2d.int8_pairs.c); those that want signed bytes take 128 off x and start from 128 * sum of qw[o]. */
#include "kernels/conv2d.int8.h"

/* ---- weights ------------------------------------------------------------------------------------------------------------------ */

static int64_t up(int64_t count, int64_t to)
{
    return (count + to - 1) / to * to;
}

static int64_t taps(const yl_conv2d_geom *g)
{
    return (int64_t)g->kh * g->kw;
}

/* Packed: the bytes {blocks, taps, groups, channels of the block, way->deep}, of as many channels as there are, up to a multiple of FEW; then for
 * each output channel a scale and the sum of its bytes. A vector of the last block may reach behind the bytes, never behind what is packed. */
enum { FEW = 4 };

typedef struct packed_weights {
    float *scale;
    int32_t *sum;
    int8_t *bytes;
} packed_weights;

static int64_t bytes_of(const yl__int8_way *way, const yl_conv2d_geom *g)
{
    return up(g->oc, FEW) * taps(g) * up(g->c, way->deep);
}

static packed_weights parts_of(const yl__int8_way *way, const yl_conv2d_geom *g, const void *packed)
{
    int8_t *bytes = (int8_t *)packed;
    float *scale = (float *)(bytes + bytes_of(way, g));
    return (packed_weights){scale, (int32_t *)(scale + g->oc), bytes};
}

bool YL_CPU(int8_supports)(const yl_conv2d_geom *g, yl_direction d)
{
    double most = (double)(taps(g) * g->c) * 255 * YL_QUANT_MOST; /* of a sum, and of what it starts from */
    return d == YL_FORWARD && g->dtype == YL_U8 && g->groups == 1 && 2 * most < INT32_MAX;
}

size_t YL_CPU(int8_packed_bytes)(const yl__int8_way *way, const yl_conv2d_geom *g)
{
    int64_t numbers = 2 * g->oc * (int64_t)sizeof(float), reach = (int64_t)YL_INT8_LANES * way->deep;
    return (size_t)(bytes_of(way, g) + (numbers > reach ? numbers : reach));
}

/* Bytes of output channel o: those of its tap t and input channel k lie at at[t * step + k / deep * group + k % deep]. */
static int8_t *channel_bytes(const yl__int8_way *way, const yl_conv2d_geom *g, int8_t *bytes, int64_t o, int64_t *group)
{
    int64_t block = o / YL_INT8_BLOCK, all = up(g->oc, FEW);
    int64_t wide = all - block * YL_INT8_BLOCK < YL_INT8_BLOCK ? all - block * YL_INT8_BLOCK : YL_INT8_BLOCK;
    *group = wide * way->deep;
    return bytes + block * YL_INT8_BLOCK * taps(g) * up(g->c, way->deep) + o % YL_INT8_BLOCK * way->deep;
}

void YL_CPU(int8_pack)(const yl__int8_way *way, const yl_conv2d_geom *g, const float *weight, const float *scale,
                       void *packed)
{
    packed_weights to = parts_of(way, g, packed);
    int64_t count = taps(g) * g->c, groups = up(g->c, way->deep) / way->deep;
    memset(packed, 0, YL_CPU(int8_packed_bytes)(way, g));
    for (int64_t o = 0; o < g->oc; o++) {
        const float *w = weight + o * count;
        float factor = scale ? scale[o] : 1;
        int64_t group;
        int8_t *at = channel_bytes(way, g, to.bytes, o, &group);
        to.scale[o] = yl__quant_weight_scale(w, count, factor);
        for (int64_t i = 0; i < count; i++) {
            int64_t k = i % g->c;
            int8_t q = yl__quant_weight(w[i], factor, to.scale[o]);
            at[(i / g->c * groups + k / way->deep) * group + k % way->deep] = q;
            to.sum[o] += q;
        }
    }
}

/* ---- the bordered image --------------------------------------------------------------------------------------------------------- */

static yl__int8_border border_of(const yl_conv2d_geom *g, const yl__int8_way *way)
{
    yl__int8_border b = {.h = (g->oh - 1) * g->sh + (g->kh - 1) * g->dh + 1,
                         .w = (g->ow - 1) * g->sw + (g->kw - 1) * g->dw + 1,
                         .c = up(g->c, way->deep),
                         .x_bytes = way->x_bytes,
                         .off = way->off};
    bool as_it_is = b.x_bytes == 1 && !b.off && b.c == g->c && b.h == g->h && b.w == g->w && !g->pt && !g->pl;
    b.bytes = as_it_is ? 0 : b.h * b.w * b.c * b.x_bytes;
    return b;
}

/* `count` bytes as they lie in the bordered image. */
static void put_bytes(const yl__int8_border *b, const uint8_t *from, int64_t count, uint8_t *to)
{
    uint16_t *wide = (uint16_t *)to;
    if (b->x_bytes == 2)
        for (int64_t i = 0; i < count; i++) wide[i] = from[i];
    else if (b->off)
        for (int64_t i = 0; i < count; i++) to[i] = (uint8_t)(from[i] - b->off);
    else
        memcpy(to, from, (size_t)count);
}

static void put_border(const yl__int8_border *b, int32_t zero, int64_t count, uint8_t *to)
{
    uint16_t *wide = (uint16_t *)to;
    if (b->x_bytes == 2)
        for (int64_t i = 0; i < count; i++) wide[i] = (uint16_t)zero;
    else
        memset(to, zero - b->off, (size_t)count);
}

/* Pixels of three channels as pixels of four; what lies in the fourth meets weights of 0. */
static void put_triples(const yl__int8_border *b, const uint8_t *from, int64_t pixels, uint8_t *to)
{
    int64_t j = 0;
#ifdef __SSE4_1__
    const __m128i order = _mm_setr_epi8(0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    for (; j + 6 <= pixels; j += 4) { /* 16 bytes are read */
        __m128i four = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(from + 3 * j)), order);
        __m128i *put = (__m128i *)(to + 4 * j * b->x_bytes);
        if (b->x_bytes == 2) {
            _mm_storeu_si128(put, _mm_cvtepu8_epi16(four));
            _mm_storeu_si128(put + 1, _mm_unpackhi_epi8(four, _mm_setzero_si128()));
        } else
            _mm_storeu_si128(put, four);
    }
#endif
    for (; j < pixels; j++) put_bytes(b, from + 3 * j, 3, to + 4 * j * b->x_bytes);
}

/* Pixels of c channels as pixels of more; what lies behind the last one meets weights of 0. */
static void put_pixels(const yl__int8_border *b, const uint8_t *from, int64_t pixels, int64_t c, uint8_t *to)
{
    if (!b->off && c == 3 && b->c == 4)
        put_triples(b, from, pixels, to);
    else
        for (int64_t j = 0; j < pixels; j++, from += c, to += b->c * b->x_bytes) put_bytes(b, from, c, to);
}

/* Row i of the bordered image. */
static void put_row(const yl_conv2d_geom *g, const yl__int8_border *b, const uint8_t *x, int64_t i, uint8_t *to)
{
    int64_t from = i - g->pt, pixel = b->c * b->x_bytes, inside = b->w - g->pl < g->w ? b->w - g->pl : g->w;
    if (from < 0 || from >= g->h || inside < 1) {
        put_border(b, g->x_quant.zero, b->w * b->c, to);
        return;
    }
    const uint8_t *at = x + from * g->w * g->c;
    put_border(b, g->x_quant.zero, g->pl * b->c, to);
    put_border(b, g->x_quant.zero, (b->w - g->pl - inside) * b->c, to + (g->pl + inside) * pixel);
    to += g->pl * pixel;
    if (b->c == g->c)
        put_bytes(b, at, inside * g->c, to);
    else
        put_pixels(b, at, inside, g->c, to);
}

size_t YL_CPU(int8_scratch_bytes)(const yl__int8_way *way, const yl_conv2d_geom *g)
{
    return (size_t)border_of(g, way).bytes;
}

/* ---- a run ------------------------------------------------------------------------------------------------------------------------ */

typedef struct int8_job {
    const yl_conv2d_geom *g;
    const yl_conv2d_run *run;
    const yl__int8_way *way;
    yl__int8_border border;
    packed_weights weights;
    int64_t blocks, chunks; /* work is divided into blocks of output channels, and these into chunks of pixels */
} int8_job;

/* Taps side by side are one run, where no pixel lies between them. */
static yl__int8_pass pass_of(const int8_job *job, int64_t image)
{
    const yl_conv2d_geom *g = job->g;
    const yl__int8_border *b = &job->border;
    int64_t pixel = b->c * b->x_bytes, joined = g->dw == 1 ? g->kw : 1;
    const uint8_t *x = (const uint8_t *)job->run->x + image * g->h * g->w * g->c;
    return (yl__int8_pass){.g = g,
                           .image = b->bytes ? job->run->scratch : x,
                           .pixel = pixel,
                           .row = pixel * b->w,
                           .rows = g->kh,
                           .columns = g->kw / joined,
                           .row_step = g->dh * pixel * b->w,
                           .column_step = g->dw * pixel,
                           .length = joined * b->c / job->way->deep,
                           .y = (char *)job->run->y +
                                (size_t)(image * g->oh * g->ow * g->oc) * yl_dtype_bytes(g->out_dtype)};
}

void YL_CPU(int8_end_tile)(const yl__int8_pass *p, const yl__sums *sums, int rows, int64_t q)
{
    const yl_conv2d_geom *g = p->g;
    const yl__int8_ends ends = {p->factor, p->bias, p->end, p->slope};
    int vectors = (int)up(rows / p->across * p->vectors, YL_BYTE_VECTORS);
    int64_t left = g->oh * g->ow - q, valid = left < rows ? left : rows, at = q * g->oc + p->first;
#define END(lanes) int8_finish(g, &ends, sums, vectors, lanes, valid, p->count, g->oc, p->y, at)
    if (p->across == 4)
        END(YL_VL / 4);
    else if (p->across == 2)
        END(YL_VL / 2);
    else if (p->vectors == 1)
        END(YL_VL);
    else if (p->vectors == 2)
        END(2 * YL_VL);
    else if (p->vectors == 3)
        END(3 * YL_VL);
    else
        END(4 * YL_VL);
#undef END
}

/* The block of output channels from p->first on. */
static void set_block(const int8_job *job, yl__int8_pass *p)
{
    const yl_conv2d_geom *g = job->g;
    p->count = g->oc - p->first < YL_INT8_BLOCK ? g->oc - p->first : YL_INT8_BLOCK;
    p->weights = channel_bytes(job->way, g, job->weights.bytes, p->first, &p->group);
    p->vectors = (int)(up(p->count, YL_INT8_LANES) / YL_INT8_LANES);
    p->across = 1;
    while (g->oc * p->across * 2 <= YL_VL && p->across * 2 <= job->way->across) p->across *= 2;
    p->end = int8_end(g, &p->slope);
    float bytes = p->end == YL_INT8_OTHER ? 1 : 1 / g->y_quant.scale;
    int64_t lanes = p->vectors * YL_INT8_LANES;
    memset(p->start, 0, sizeof p->start);
    for (int64_t j = 0; j < lanes; j++) {
        int64_t k = j % (lanes / p->across), o = p->first + k;
        p->factor[j] = k < p->count ? g->x_quant.scale * job->weights.scale[o] * bytes : 0;
        p->bias[j] = k < p->count && job->run->bias ? job->run->bias[o] * bytes : 0;
        if (k < p->count) p->start[j * job->way->sums] = (job->way->off - g->x_quant.zero) * job->weights.sum[o];
    }
}

/* One chunk of one block. */
static void run_unit(const int8_job *job, yl__int8_pass *p, int64_t unit)
{
    const yl_conv2d_geom *g = job->g;
    int64_t chunk = unit % job->chunks;
    p->first = unit / job->chunks * YL_INT8_BLOCK;
    set_block(job, p);
    int64_t rows = p->across > 1 ? YL_INT8_ROWS : job->way->rows[p->vectors], tiles = up(g->oh * g->ow, rows) / rows;
    int64_t from = tiles * chunk / job->chunks * rows, to = tiles * (chunk + 1) / job->chunks * rows;
    job->way->tiles(p, from, to < g->oh * g->ow ? to : g->oh * g->ow);
}

static void run_image(const int8_job *job, const yl_ctx *ctx, int64_t image)
{
    const yl_conv2d_geom *g = job->g;
    const yl__int8_border *b = &job->border;
    const uint8_t *x = (const uint8_t *)job->run->x + image * g->h * g->w * g->c;
    uint8_t *to = job->run->scratch;
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel num_threads(ctx->threads)
    {
        if (b->bytes) {
#pragma omp for schedule(static)
            for (int64_t i = 0; i < b->h; i++) put_row(g, b, x, i, to + i * b->w * b->c * b->x_bytes);
        }
        yl__int8_pass p = pass_of(job, image);
#pragma omp for schedule(static)
        for (int64_t unit = 0; unit < job->blocks * job->chunks; unit++) run_unit(job, &p, unit);
    }
}

yl_status YL_CPU(int8_run)(const yl__int8_way *way, const yl_ctx *ctx, const yl_conv2d_geom *g,
                           const yl_conv2d_run *run)
{
    int8_job job = {
        .g = g, .run = run, .way = way, .border = border_of(g, way), .weights = parts_of(way, g, run->packed)};
    job.blocks = up(g->oc, YL_INT8_BLOCK) / YL_INT8_BLOCK;
    job.chunks = ctx->threads > 1 ? (2 * ctx->threads + job.blocks - 1) / job.blocks : 1;
    for (int64_t i = 0; i < g->n; i++) run_image(&job, ctx, i);
    return YL_OK;
}
