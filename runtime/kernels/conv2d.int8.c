/* Convolution of quantised activations (u8) with quantised weights (one scale per output channel), forward only. Sums are exact:
 *
 *   y[o] = act(scale(x) scale(w[o]) (sum over taps and channels of qx * qw[o]  -  zero(x) * sum of qw[o]) + bias[o])
 *
 * with |sum| < 2^31, which `supports` sees to. The image is copied once into a border of zero(x), channels filled up to a multiple of
 * YL_INT8_DEEP, so that the tiles know no edges; a pointwise one is read where it is. The algorithms differ in how
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

/* Packed: the bytes {blocks, taps, groups, channels of the block, DEEP}, of as many channels as there are, up to a multiple of FEW; then for
 * each output channel a scale and the sum of its bytes. A vector of the last block may reach behind the bytes, never behind what is packed. */
enum { FEW = 4 };

typedef struct packed_weights {
    float *scale;
    int32_t *sum;
    int8_t *bytes;
} packed_weights;

static int64_t bytes_of(const yl_conv2d_geom *g)
{
    return up(g->oc, FEW) * taps(g) * up(g->c, YL_INT8_DEEP);
}

static packed_weights parts_of(const yl_conv2d_geom *g, const void *packed)
{
    int8_t *bytes = (int8_t *)packed;
    float *scale = (float *)(bytes + bytes_of(g));
    return (packed_weights){scale, (int32_t *)(scale + g->oc), bytes};
}

bool YL_CPU(int8_supports)(const yl_conv2d_geom *g, yl_direction d)
{
    double most = (double)(taps(g) * g->c) * 255 * YL_QUANT_MOST; /* of a sum, and of what it starts from */
    return d == YL_FORWARD && g->dtype == YL_U8 && g->groups == 1 && 2 * most < INT32_MAX;
}

size_t YL_CPU(int8_packed_bytes)(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t numbers = 2 * g->oc * (int64_t)sizeof(float), reach = YL_INT8_LANES * YL_INT8_DEEP;
    (void)d;
    return (size_t)(bytes_of(g) + (numbers > reach ? numbers : reach));
}

/* Bytes of output channel o: those of its tap t and input channel k lie at at[t * step + k / DEEP * group + k % DEEP]. */
static int8_t *channel_bytes(const yl_conv2d_geom *g, int8_t *bytes, int64_t o, int64_t *group)
{
    int64_t block = o / YL_INT8_BLOCK, all = up(g->oc, FEW);
    int64_t wide = all - block * YL_INT8_BLOCK < YL_INT8_BLOCK ? all - block * YL_INT8_BLOCK : YL_INT8_BLOCK;
    *group = wide * YL_INT8_DEEP;
    return bytes + block * YL_INT8_BLOCK * taps(g) * up(g->c, YL_INT8_DEEP) + o % YL_INT8_BLOCK * YL_INT8_DEEP;
}

yl_status YL_CPU(int8_pack)(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                            const float *scale, void *packed)
{
    packed_weights to = parts_of(g, packed);
    int64_t count = taps(g) * g->c, deep = up(g->c, YL_INT8_DEEP) / YL_INT8_DEEP;
    memset(packed, 0, YL_CPU(int8_packed_bytes)(g, d));
    (void)ctx;
    for (int64_t o = 0; o < g->oc; o++) {
        const float *w = weight + o * count;
        float factor = scale ? scale[o] : 1;
        int64_t group;
        int8_t *at = channel_bytes(g, to.bytes, o, &group);
        to.scale[o] = yl__quant_weight_scale(w, count, factor);
        for (int64_t i = 0; i < count; i++) {
            int64_t k = i % g->c;
            int8_t q = yl__quant_weight(w[i], factor, to.scale[o]);
            at[(i / g->c * deep + k / YL_INT8_DEEP) * group + k % YL_INT8_DEEP] = q;
            to.sum[o] += q;
        }
    }
    return YL_OK;
}

/* ---- the bordered image --------------------------------------------------------------------------------------------------------- */

static yl__int8_border border_of(const yl_conv2d_geom *g, const yl__int8_way *way)
{
    yl__int8_border b = YL_CPU(int8_border)(g, up(g->c, YL_INT8_DEEP));
    b.x_bytes = way->x_bytes, b.off = way->off;
    bool as_it_is = b.x_bytes == 1 && !b.off && b.c == g->c && b.h == g->h && b.w == g->w && !g->pt && !g->pl;
    b.bytes = as_it_is ? 0 : b.bytes * b.x_bytes;
    return b;
}

yl__int8_border YL_CPU(int8_border)(const yl_conv2d_geom *g, int64_t c)
{
    int64_t h = (g->oh - 1) * g->sh + (g->kh - 1) * g->dh + 1, w = (g->ow - 1) * g->sw + (g->kw - 1) * g->dw + 1;
    return (yl__int8_border){.h = h, .w = w, .c = c, .bytes = h * w * c, .x_bytes = 1};
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

/* Pixels of c channels as pixels of more; what lies behind the last one meets weights of 0. */
static void put_pixels(const yl__int8_border *b, const uint8_t *from, int64_t pixels, int64_t c, uint8_t *to)
{
    int64_t step = b->c * b->x_bytes;
    if (b->x_bytes == 1 && !b->off && c == 3)
        for (int64_t j = 0; j < pixels; j++, from += 3, to += step) to[0] = from[0], to[1] = from[1], to[2] = from[2];
    else if (b->x_bytes == 1 && !b->off)
        for (int64_t j = 0; j < pixels; j++, from += c, to += step) memcpy(to, from, (size_t)c);
    else
        for (int64_t j = 0; j < pixels; j++, from += c, to += step) put_bytes(b, from, c, to);
}

void YL_CPU(int8_put_row)(const yl_conv2d_geom *g, const yl__int8_border *b, const uint8_t *x, int64_t i, uint8_t *to)
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
                           .length = joined * b->c / YL_INT8_DEEP,
                           .y = (char *)job->run->y +
                                (size_t)(image * g->oh * g->ow * g->oc) * yl_dtype_bytes(g->out_dtype)};
}

/* One chunk of one block. */
static void run_unit(const int8_job *job, yl__int8_pass *p, int64_t unit)
{
    const yl_conv2d_geom *g = job->g;
    int64_t block = unit / job->chunks, chunk = unit % job->chunks;
    p->first = block * YL_INT8_BLOCK;
    p->count = g->oc - p->first < YL_INT8_BLOCK ? g->oc - p->first : YL_INT8_BLOCK;
    p->weights = channel_bytes(g, job->weights.bytes, p->first, &p->group);
    int vectors = (int)(up(p->count, YL_INT8_LANES) / YL_INT8_LANES);
    p->simple = int8_simple(g, &p->slope);
    float bytes = p->simple ? 1 / g->y_quant.scale : 1;
    if (!p->simple) p->slope = 1;
    for (int64_t j = 0; j < vectors * YL_INT8_LANES; j++) {
        int64_t o = p->first + j;
        p->factor[j] = j < p->count ? g->x_quant.scale * job->weights.scale[o] * bytes : 0;
        p->bias[j] = j < p->count && job->run->bias ? job->run->bias[o] * bytes : 0;
        p->start[j] = j < p->count ? (job->way->off - g->x_quant.zero) * job->weights.sum[o] : 0;
    }
    int64_t rows = job->way->rows[vectors], tiles = (g->oh * g->ow + rows - 1) / rows;
    int64_t from = tiles * chunk / job->chunks * rows, to = tiles * (chunk + 1) / job->chunks * rows;
    job->way->tiles(p, vectors, from, to < g->oh * g->ow ? to : g->oh * g->ow);
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
            for (int64_t i = 0; i < b->h; i++) YL_CPU(int8_put_row)(g, b, x, i, to + i * b->w * b->c * b->x_bytes);
        }
        yl__int8_pass p = pass_of(job, image);
#pragma omp for schedule(static)
        for (int64_t unit = 0; unit < job->blocks * job->chunks; unit++) run_unit(job, &p, unit);
    }
}

yl_status YL_CPU(int8_run)(const yl__int8_way *way, const yl_ctx *ctx, const yl_conv2d_geom *g,
                           const yl_conv2d_run *run)
{
    int8_job job = {.g = g, .run = run, .way = way, .border = border_of(g, way), .weights = parts_of(g, run->packed)};
    job.blocks = up(g->oc, YL_INT8_BLOCK) / YL_INT8_BLOCK;
    job.chunks = ctx->threads > 1 ? (2 * ctx->threads + job.blocks - 1) / job.blocks : 1;
    for (int64_t i = 0; i < g->n; i++) run_image(&job, ctx, i);
    return YL_OK;
}
