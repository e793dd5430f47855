/* Convolution, forward, with weights of which most are zero: a product with each weight that is not.
 *
 * Pixels are taken in blocks of up to PV vectors. For a block, the inputs that the kernel's taps see are copied, some numbers k = (tap,
 * channel) at a time, to a panel {k, pixels}, whose row is the whole block: so a weight, spread over a vector, meets vectors that lie
 * one after the other, and a panel stays in the first cache while all output channels pass over it. Their sums {oc, pixels} lie in the
 * second. The weights are a stream of pairs (number, where its row of the panel begins), in the order in which they are used.
 *
 * Within a panel, channels come in the order of how many weights they have there: then the processor foresees how often each of the
 * short loops runs. */
#include "kernels/activation.formulas.h"
#include "kernels/slab.h"
#include "kernels/tile.h"
#include "kernels/transpose.h"
#include "kernels/kernels.h"

#if YL_VL == 16
#define PV 6 /* vectors of pixels in a block: sums for them, and a weight, fill the registers, or wait for nothing */
#else
#define PV 12
#endif

enum {
    WIDTH = PV * YL_VL,       /* pixels in a block */
    PANEL_K = 96,             /* rows of a panel, in groups of YL_VL: a group belongs to one tap */
    GROUPS = PANEL_K / YL_VL, /* of them */
    MAX_TAPS = 121,
    MAX_PARTS = 64,
    ENOUGH_BLOCKS = 6 /* of pixels, for each thread: then threads share them, else they share the channels */
};

/* A weight, and where the panel's row that it multiplies begins, in floats. */
typedef struct entry {
    float value;
    int32_t at;
} entry;

/* An output channel in a panel: it has `count` weights there. */
typedef struct channel {
    int32_t index, count;
} channel;

/* What `pack` writes, in this order:
 *   part {parts + 1}: the first output channel of each part; int32
 *   live {panels, parts}: output channels that have weights in that panel; int32
 *   from {panels, parts}: the first of the part's entries there; int32
 *   channels {panels, oc}: of each part from its first channel on, the live ones
 *   entries */
typedef struct stream {
    int32_t *part, *live, *from;
    channel *channels;
    entry *entries;
    int64_t panels, parts;
} stream;

static int64_t groups_of(const yl_conv2d_geom *g)
{
    return (g->c + YL_VL - 1) / YL_VL * g->kh * g->kw;
}

static int64_t most_entries(const yl_conv2d_geom *g)
{
    int64_t count = g->oc * g->kh * g->kw * g->c;
    return count - count * g->zeros / 100;
}

static int64_t head_bytes(const yl_conv2d_geom *g)
{
    int64_t panels = (groups_of(g) + GROUPS - 1) / GROUPS;
    return yl__rounded((MAX_PARTS + 1 + 2 * panels * MAX_PARTS) * 4, 64) + panels * g->oc * (int64_t)sizeof(channel);
}

static stream stream_at(const yl_conv2d_geom *g, int64_t parts, const void *packed)
{
    stream s = {.panels = (groups_of(g) + GROUPS - 1) / GROUPS, .parts = parts, .part = (int32_t *)packed};
    s.live = s.part + MAX_PARTS + 1;
    s.from = s.live + s.panels * MAX_PARTS;
    s.channels = (channel *)((char *)packed + yl__rounded((MAX_PARTS + 1 + 2 * s.panels * MAX_PARTS) * 4, 64));
    s.entries = (entry *)((char *)packed + head_bytes(g));
    return s;
}

/* How the pixels and the channels are shared among threads: where there are few blocks of pixels, by channels. */
typedef struct cut {
    int64_t pixels, blocks, parts;
} cut;

static cut cut_of(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    cut k = {.pixels = g->n * g->oh * g->ow, .parts = 1};
    int64_t vectors = (k.pixels + YL_VL - 1) / YL_VL;
    k.blocks = (vectors + PV - 1) / PV;
    if (k.blocks < ENOUGH_BLOCKS * ctx->threads) k.parts = ctx->threads < MAX_PARTS ? ctx->threads : MAX_PARTS;
    if (k.parts > g->oc) k.parts = g->oc;
    return k;
}

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    return d == YL_FORWARD && g->dtype == YL_F32 && g->groups == 1 && g->kh * g->kw <= MAX_TAPS;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    double pixels = (double)(g->n * g->oh * g->ow), k = (double)(g->kh * g->kw) * (double)g->c;
    double share = 1 - g->zeros / 100.0;
    return yl_conv2d_work(g) * share * (g->zeros < 40 ? 5.0 : 1.6) + pixels * k * 6 + pixels * (double)g->oc * 4;
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_FORWARD ? (size_t)(head_bytes(g) + most_entries(g) * (int64_t)sizeof(entry)) : 0;
}

/* ---- weights ---- */

static int64_t weights_in(const yl_conv2d_geom *g, const float *w)
{
    int64_t count = 0, n = g->kh * g->kw * g->c;
    for (int64_t i = 0; i < n; i++) count += w[i] != 0;
    return count;
}

/* Cuts the channels into parts of about as many weights. */
static void cut_parts(const yl_conv2d_geom *g, const float *w, stream *s)
{
    int64_t each = g->kh * g->kw * g->c, all = 0, sum = 0, part = 1;
    if (s->parts > 1)
        for (int64_t o = 0; o < g->oc; o++) all += weights_in(g, w + o * each);
    s->part[0] = 0;
    for (int64_t o = 0; o < g->oc && part < s->parts; o++) {
        sum += weights_in(g, w + o * each);
        if (sum * s->parts >= all * part || g->oc - o - 1 <= s->parts - part) s->part[part++] = (int32_t)(o + 1);
    }
    while (part <= s->parts) s->part[part++] = (int32_t)g->oc;
}

/* Weights of one channel that belong to a panel, written to `to`; returns their number. */
static int32_t pick(const yl_conv2d_geom *g, int64_t panel, const float *w, float scale, entry *to)
{
    int64_t per_tap = (g->c + YL_VL - 1) / YL_VL, end = (panel + 1) * GROUPS;
    int32_t count = 0;
    if (end > groups_of(g)) end = groups_of(g);
    for (int64_t q = panel * GROUPS; q < end; q++) {
        int64_t tap = q / per_tap, k0 = q % per_tap * YL_VL, n = g->c - k0 < YL_VL ? g->c - k0 : YL_VL;
        const float *from = w + tap * g->c + k0;
        int32_t at = (int32_t)((q - panel * GROUPS) * YL_VL * WIDTH);
        for (int64_t k = 0; k < n; k++)
            if (from[k] != 0) {
                if (to) to[count] = (entry){from[k] * scale, at + (int32_t)(k * WIDTH)};
                count++;
            }
    }
    return count;
}

/* A panel's channels of one part: counted, sorted by counting, written. Returns the number of entries. */
static int64_t pack_panel(const yl_conv2d_geom *g, stream *s, int64_t panel, int64_t part, const float *w,
                          const float *scale, int64_t from)
{
    int64_t each = g->kh * g->kw * g->c, first = s->part[part], end = s->part[part + 1];
    int32_t begin[PANEL_K + 2] = {0};
    channel *channels = s->channels + panel * g->oc + first;
    for (int64_t o = first; o < end; o++) begin[PANEL_K - pick(g, panel, w + o * each, 1, NULL) + 1]++;
    for (int i = 1; i <= PANEL_K + 1; i++) begin[i] += begin[i - 1];
    s->live[panel * s->parts + part] = begin[PANEL_K];
    s->from[panel * s->parts + part] = (int32_t)from;
    for (int64_t o = first; o < end; o++) {
        int32_t count = pick(g, panel, w + o * each, 1, NULL), at = begin[PANEL_K - count]++;
        channels[at] = (channel){(int32_t)o, count};
    }
    int64_t live = s->live[panel * s->parts + part];
    for (int64_t i = 0; i < live; i++) {
        int64_t o = channels[i].index;
        from += pick(g, panel, w + o * each, scale ? scale[o] : 1, s->entries + from);
    }
    return from;
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    (void)d;
    stream s = stream_at(g, cut_of(ctx, g).parts, packed);
    cut_parts(g, weight, &s);
    int64_t from = 0;
    for (int64_t part = 0; part < s.parts; part++)
        for (int64_t p = 0; p < s.panels; p++) from = pack_panel(g, &s, p, part, weight, scale, from);
    return YL_OK;
}

/* ---- input: a panel {k, pixels} ---- */

typedef struct work {
    const yl_conv2d_geom *g;
    const yl_conv2d_run *run;
    stream s;
    cut k;
    const float *nothing; /* c zeros: what lies outside the picture */
    const float **from;   /* {taps, WIDTH}: the block's pixels as a tap sees them */
    float *panel, *sums;
} work;

static void look_up(const work *w, int64_t first, int64_t count, int64_t vectors)
{
    const yl_conv2d_geom *g = w->g;
    const float *x = w->run->x;
    for (int64_t q = 0; q < vectors * YL_VL; q++) {
        int64_t p = first + q, n = p / (g->oh * g->ow), at = p % (g->oh * g->ow);
        int64_t i0 = at / g->ow * g->sh - g->pt, j0 = at % g->ow * g->sw - g->pl;
        for (int64_t u = 0, t = 0; u < g->kh; u++)
            for (int64_t v = 0; v < g->kw; v++, t++) {
                int64_t i = i0 + u * g->dh, j = j0 + v * g->dw;
                bool inside = q < count && i >= 0 && i < g->h && j >= 0 && j < g->w;
                w->from[t * WIDTH + q] = inside ? x + ((n * g->h + i) * g->w + j) * g->c : w->nothing;
            }
    }
}

YL__INLINE void turn(const float *const *from, int64_t k0, int64_t n, float *to)
{
    yl__vec rows[YL_VL];
    if (n >= YL_VL) {
#pragma GCC unroll 16
        for (int i = 0; i < YL_VL; i++) rows[i] = *(const yl__vec *)(from[i] + k0);
    } else {
        for (int i = 0; i < YL_VL; i++) {
            float lanes[YL_VL] = {0};
            memcpy(lanes, from[i] + k0, (size_t)n * sizeof(float));
            rows[i] = *(yl__vec *)lanes;
        }
    }
    yl__transpose(rows);
#pragma GCC unroll 16
    for (int i = 0; i < YL_VL; i++) *(yl__vec *)(to + i * WIDTH) = rows[i];
}

static void fill_panel(const work *w, int64_t panel, int64_t vectors)
{
    int64_t per_tap = (w->g->c + YL_VL - 1) / YL_VL, end = (panel + 1) * GROUPS;
    if (end > groups_of(w->g)) end = groups_of(w->g);
    float *to = w->panel;
    for (int64_t q = panel * GROUPS; q < end; q++, to += YL_VL * WIDTH) {
        const float *const *from = w->from + q / per_tap * WIDTH;
        int64_t k0 = q % per_tap * YL_VL;
        for (int64_t v = 0; v < vectors; v++) turn(from + v * YL_VL, k0, w->g->c - k0, to + v * YL_VL);
    }
}

/* ---- products ---- */

/* sums {index, WIDTH} += the channel's weights times rows of the panel, for nv vectors of pixels. */
YL__INLINE void multiply(const channel *c, int64_t live, const entry *e, const float *panel, float *sums, const int nv)
{
    for (int64_t i = 0; i < live; i++) {
        float *to = sums + (int64_t)c[i].index * WIDTH;
        yl__vec acc[PV];
#pragma GCC unroll 16
        for (int v = 0; v < nv; v++) acc[v] = *(const yl__vec *)(to + v * YL_VL);
        for (int32_t k = c[i].count; k > 0; k--, e++) {
            const float *row = panel + e->at;
            float value = e->value;
#pragma GCC unroll 16
            for (int v = 0; v < nv; v++) acc[v] += value * *(const yl__vec *)(row + v * YL_VL);
        }
#pragma GCC unroll 16
        for (int v = 0; v < nv; v++) *(yl__vec *)(to + v * YL_VL) = acc[v];
    }
}

#define CASE(n)                                                                                                        \
    case n:                                                                                                            \
        multiply(c, live, e, panel, sums, n);                                                                          \
        break;
static void multiply_any(const channel *c, int64_t live, const entry *e, const float *panel, float *sums,
                         int64_t vectors)
{
    switch (vectors) {
        CASE(1)
        CASE(2)
        CASE(3)
        CASE(4)
        CASE(5)
        CASE(6)
#if PV > 6
        CASE(7)
        CASE(8)
        CASE(9)
        CASE(10)
        CASE(11)
        CASE(12)
#endif
    }
}

/* ---- output ---- */

static void begin_sums(const work *w, int64_t first, int64_t end)
{
    for (int64_t o = first; o < end; o++) {
        float bias = w->run->bias ? w->run->bias[o] : 0;
        for (int64_t q = 0; q < WIDTH; q++) w->sums[o * WIDTH + q] = bias;
    }
}

/* YL_VL channels from o of YL_VL pixels from q; fewer where there are fewer. */
YL__INLINE void end_square(const work *w, int64_t pixel, int64_t pixels, int64_t o, int64_t channels, int64_t q)
{
    const yl_conv2d_geom *g = w->g;
    yl__vec rows[YL_VL] = {{0}};
    float *to = (float *)w->run->y + pixel * g->oc + o;
    for (int64_t i = 0; i < channels; i++) rows[i] = *(const yl__vec *)(w->sums + (o + i) * WIDTH + q);
    yl__transpose(rows);
    bool simple = channels == YL_VL && g->act <= YL_ACT_leaky;
    for (int64_t i = 0; i < pixels; i++, to += g->oc) {
        if (simple) {
            *(yl__vec *)to = g->act == YL_ACT_leaky ? YL_LANES_OF(leaky, YL_VL)(rows[i], g->leaky_slope) : rows[i];
            continue;
        }
        float lanes[YL_VL];
        *(yl__vec *)lanes = rows[i];
        yl__epilogue(g->act, g->leaky_slope, channels, NULL, lanes);
        memcpy(to, lanes, (size_t)channels * sizeof(float));
    }
}

static void end_sums(const work *w, int64_t first, int64_t end, int64_t pixel, int64_t pixels)
{
    for (int64_t q = 0; q < pixels; q += YL_VL)
        for (int64_t o = first; o < end; o += YL_VL)
            end_square(w, pixel + q, pixels - q < YL_VL ? pixels - q : YL_VL, o, end - o < YL_VL ? end - o : YL_VL, q);
}

/* ---- blocks ---- */

static void run_block(const work *w, int64_t block, int64_t part)
{
    const stream *s = &w->s;
    int64_t vectors = (w->k.pixels + YL_VL - 1) / YL_VL;
    int64_t v0 = vectors * block / w->k.blocks, v1 = vectors * (block + 1) / w->k.blocks;
    int64_t pixel = v0 * YL_VL, pixels = v1 * YL_VL < w->k.pixels ? v1 * YL_VL - pixel : w->k.pixels - pixel;
    look_up(w, pixel, pixels, v1 - v0);
    begin_sums(w, s->part[part], s->part[part + 1]);
    for (int64_t p = 0; p < s->panels; p++) {
        int64_t live = s->live[p * s->parts + part];
        if (!live) continue;
        fill_panel(w, p, v1 - v0);
        multiply_any(s->channels + p * w->g->oc + s->part[part], live, s->entries + s->from[p * s->parts + part],
                     w->panel, w->sums, v1 - v0);
    }
    end_sums(w, s->part[part], s->part[part + 1], pixel, pixels);
}

static int64_t own_floats(const yl_conv2d_geom *g)
{
    return yl__rounded(g->c, 16) + (int64_t)PANEL_K * WIDTH + g->oc * WIDTH +
           yl__rounded(g->kh * g->kw * WIDTH * (int64_t)sizeof(float *), 64) / (int64_t)sizeof(float);
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return (size_t)(ctx->threads * own_floats(g)) * sizeof(float);
}

static yl_status run_sparse(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    (void)d;
    cut k = cut_of(ctx, g);
    stream s = stream_at(g, k.parts, run->packed);
    int64_t threads = ctx->threads, tasks = k.blocks * k.parts;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        float *own = (float *)run->scratch + t * own_floats(g);
        work w = {.g = g, .run = run, .s = s, .k = k, .nothing = own};
        w.panel = own + yl__rounded(g->c, 16);
        w.sums = w.panel + PANEL_K * WIDTH;
        w.from = (const float **)(w.sums + g->oc * WIDTH);
        memset(own, 0, (size_t)g->c * sizeof(float));
        for (int64_t q = tasks * t / threads; q < tasks * (t + 1) / threads; q++)
            run_block(&w, q % k.blocks, q / k.blocks);
    }
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(conv2d_sparse) = {
    .name = "sparse",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_sparse,
};
