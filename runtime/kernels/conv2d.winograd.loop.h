/* Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, section 4.3) for 3x3 convolutions of stride 1, forward
 * and backward data: 36 multiplications make 16 outputs, where the definition takes 144. F(5x5, 3x3) makes 25 of 49, and fits
 * maps of 13x13, where tiles of four would make 16x16.
 *
 *   Y = A' [ sum over k of (G w_k G') . (B' d_k B) ] A,   d a 6x6 input tile, w a 3x3 kernel, Y a 4x4 output tile
 *
 * For each of the 36 (or 49) places xi the sum over channels k is a matrix product V[xi] {tiles, c} * U[xi] {c, oc} = M[xi]
 * {tiles, oc}. A chunk of tiles is transformed, multiplied and transformed back while it is in the cache. Where U is small, each thread
 * has chunks of its own, and U is made once. Else all threads work on one chunk, each on panels of its own, and make parts of U as they need
 * them: U is four or five times the weights, two threads wait for it to come from memory, and training makes it anew with each step.
 *
 * conv2d.winograd.c, conv2d.winograd5.c and conv2d.winograd_bf16.c include this, for factors of f32 and bf16: a slot of V and U (kernels/factors.h) holds
 * neighbouring channels. */
#include "kernels/activation.formulas.h"
#include "kernels/conv2d.winograd.h"
#include "kernels/slab.h"

/* Slots of a part of a sum where a thread is alone, channels of one where all share the weights, and channels that are packed at a time; bytes
 * from which U is large, that a thread's V and M take, that V takes where all share it, and M of one panel there. */
enum { OWN_PART = 256, SHARED_PART = 96, K_BLOCK = 16, L1_AHEAD = 8 };
enum { SHARE_WEIGHTS_FROM = 3 << 20, OWN_BYTES = 640 << 10, SHARED_BYTES = 16 << 20, PANEL_BYTES = 512 << 10 };

YL__TILE_DEFINE(tile, false, true)

/* One direction as a convolution of `in` {n, h, w, c} to `out` {n, oh, ow, oc} with padding. */
typedef struct pass {
    int64_t n, h, w, c, oh, ow, oc, pt, pl;
    int64_t slots; /* that c channels take */
    const float *in, *packed, *bias;
    float *out;
    bool add;
    yl_activation act;
    float slope;
    int64_t tile_rows, tile_cols, tiles; /* of all images */
    int64_t panels, part;                /* slots of a part of a sum */
    int64_t in_row, out_row;             /* slots of a row of V, floats of one of M */
    int64_t chunk;                       /* tiles at a time */
    int64_t v_plane, v_part, m_plane;    /* floats of V[part][xi], V[part] and M[xi] */
    bool shared;                         /* all threads work on one chunk */
} pass;

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    if (YL_PAIR == 2 && !g->bf16) return false;
    return g->dtype == YL_F32 && g->groups == 1 && g->kh == 3 && g->kw == 3 && g->sh == 1 && g->sw == 1 && g->dh == 1 &&
           g->dw == 1;
}

static int64_t tiles_of(int64_t side)
{
    return (side + YL_OUT - 1) / YL_OUT;
}

/* Whether U of a convolution of c to oc channels is too large for a cache. */
static bool shares_weights(int64_t c, int64_t oc)
{
    return YL_PLACES * yl__slots(c) * oc * (int64_t)sizeof(float) > SHARE_WEIGHTS_FROM;
}

static int64_t parts_of(const pass *p)
{
    return (p->slots + p->part - 1) / p->part;
}

static pass make_pass(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    pass p = {.n = g->n,
              .h = g->h,
              .w = g->w,
              .c = g->c,
              .oh = g->oh,
              .ow = g->ow,
              .oc = g->oc,
              .pt = g->pt,
              .pl = g->pl,
              .act = g->act,
              .slope = g->leaky_slope};
    if (d == YL_BACKWARD_DATA)
        p = (pass){.n = g->n,
                   .h = g->oh,
                   .w = g->ow,
                   .c = g->oc,
                   .oh = g->h,
                   .ow = g->w,
                   .oc = g->c,
                   .pt = 2 - g->pt,
                   .pl = 2 - g->pl,
                   .act = YL_ACT_linear};
    p.tile_rows = tiles_of(p.oh), p.tile_cols = tiles_of(p.ow), p.tiles = p.n * p.tile_rows * p.tile_cols;
    p.panels = (p.oc + YL_NR - 1) / YL_NR;
    p.slots = yl__slots(p.c);
    p.shared = shares_weights(p.c, p.oc);
    p.part = p.shared ? SHARED_PART / YL_PAIR : p.slots < OWN_PART ? p.slots : OWN_PART;
    p.in_row = yl__slab_pixel(yl__rounded(p.part, YL_VL));
    p.out_row = p.shared ? YL_NR : yl__slab_pixel(p.panels * YL_NR);
    int64_t parts = parts_of(&p), place = YL_PLACES * (int64_t)sizeof(float), in = place * parts * p.in_row,
            out = place * p.out_row;
    int64_t most = p.shared ? (SHARED_BYTES / in < PANEL_BYTES / out ? SHARED_BYTES / in : PANEL_BYTES / out)
                            : OWN_BYTES / (in + out);
    most = most < YL_MR ? YL_MR : most / YL_MR * YL_MR;
    int64_t teams = p.shared ? 1 : ctx->threads, each = (p.tiles + teams - 1) / teams,
            rounds = (each + most - 1) / most;
    p.chunk = (each + rounds - 1) / rounds;
    p.v_plane = p.chunk * p.in_row + 16, p.v_part = YL_PLACES * p.v_plane, p.m_plane = p.chunk * p.out_row + 16;
    return p;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t h = d == YL_FORWARD ? g->oh : g->h, w = d == YL_FORWARD ? g->ow : g->w;
    double tiles = (double)(g->n * tiles_of(h) * tiles_of(w)), c = (double)g->c, oc = (double)g->oc;
    double weights = shares_weights(g->c, g->oc) ? 9 * 10 + YL_PLACES * 3 : YL_PLACES * 20;
    return YL_PLACES * (tiles * c * oc * 1.15 / YL_PAIR + tiles * (c + oc) * 7) + c * oc * weights;
}

typedef float taps[9][YL_NR]; /* the weights of one input and YL_NR outputs */

/* Bytes of weights that are fetched into the second cache with each product. A thread's part of U has planes of U_PLANE floats: a cache
 * line more than its inputs take, or all planes would begin in the same few sets of a cache. */
enum {
    L2_AHEAD = (int)sizeof(taps) * SHARED_PART / YL_PLACES / 64 * 64 + 64,
    U_PLANE = SHARED_PART / YL_PAIR * YL_NR + 16
};

static int64_t v_floats(const pass *p)
{
    return yl__rounded(parts_of(p) * p->v_part, 16);
}

/* What a thread has to itself. */
static int64_t own_floats(const pass *p)
{
    return yl__rounded(YL_PLACES * p->m_plane, 16) + (p->shared ? YL_PLACES * U_PLANE : v_floats(p));
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    if (d == YL_BACKWARD_WEIGHTS) return YL__WINOGRAD(_weights_scratch)(ctx, g);
    pass p = make_pass(ctx, g, d);
    return (size_t)((p.shared ? v_floats(&p) : 0) + own_floats(&p) * ctx->threads) * sizeof(float);
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    if (d == YL_BACKWARD_WEIGHTS) return 0;
    int64_t c = d == YL_FORWARD ? g->c : g->oc, oc = d == YL_FORWARD ? g->oc : g->c;
    int64_t each = shares_weights(c, oc) ? 9 * YL_PAIR : YL_PLACES;
    return (size_t)(each * yl__slots(c) * yl__rounded(oc, YL_NR)) * sizeof(float);
}

/* ---- weights: U[xi] {panels, slots, YL_NR}; to be shared, as they are: {panels, c, 9, YL_NR} ---- */

/* Those of `count` inputs from k0 on; zeros behind the last output and, of a slot, behind the last input. */
static void read_weights(const yl_conv2d_geom *g, yl_direction d, const float *w, const float *scale, int64_t o0,
                         int64_t k0, int64_t count, taps *to)
{
    int64_t oc = d == YL_FORWARD ? g->oc : g->c, lanes = oc - o0 < YL_NR ? oc - o0 : YL_NR;
    memset(to, 0, sizeof(taps) * (size_t)yl__rounded(count, YL_PAIR));
    if (d == YL_FORWARD) {
        for (int64_t l = 0; l < lanes; l++)
            for (int64_t t = 0; t < 9; t++) {
                const float *from = w + ((o0 + l) * 9 + t) * g->c + k0, s = scale ? scale[o0 + l] : 1.0f;
                for (int64_t k = 0; k < count; k++) to[k][t][l] = from[k] * s;
            }
        return;
    }
    for (int64_t k = 0; k < count; k++)
        for (int64_t t = 0; t < 9; t++)
            memcpy(to[k][t], w + ((k0 + k) * 9 + 8 - t) * g->c + o0, (size_t)lanes * sizeof(float));
}

/* G w G' of one vector of outputs. */
YL__INLINE void transform_weights(const taps *w, int lane, yl__vec *u, int64_t step)
{
    yl__vec half[3 * YL_SIDE];
#pragma GCC unroll 3
    for (int j = 0; j < 3; j++)
        yl__transform_factor((const yl__vec *)((*w)[j] + lane), 3 * YL_NR / YL_VL, 3, half + j, 3);
#pragma GCC unroll 7
    for (int i = 0; i < YL_SIDE; i++) yl__transform_factor(half + 3 * i, 1, 3, u + YL_SIDE * i * step, step);
}

/* U of one panel and `count` inputs, `plane` floats from one place to the next. Weights `ahead` inputs further are fetched into the first cache. */
static void transform_part(const taps *w, int64_t count, int64_t ahead, float *u, int64_t plane)
{
    for (int64_t k = 0; k < count; k += YL_PAIR, u += YL_NR)
        for (int v = 0; v < YL_NR; v += YL_VL) {
            for (int t = 0; t < 9; t++) __builtin_prefetch(w[k + ahead][t] + v);
#if YL_PAIR == 1
            transform_weights(w + k, v, (yl__vec *)(u + v), plane / YL_VL);
#else
            yl__vec pair[YL_PLACES][YL_PAIR];
            for (int i = 0; i < YL_PAIR; i++) transform_weights(w + k + i, v, pair[0] + i, YL_PAIR);
            for (int xi = 0; xi < YL_PLACES; xi++) *(yl__vec *)(u + xi * plane + v) = yl__slot(pair[xi], 1);
#endif
        }
}

static void pack_panel(const yl_conv2d_geom *g, yl_direction d, const float *w, const float *scale, int64_t panel,
                       float *packed)
{
    int64_t c = d == YL_FORWARD ? g->c : g->oc, oc = d == YL_FORWARD ? g->oc : g->c;
    int64_t slots = yl__slots(c), plane = yl__rounded(oc, YL_NR) * slots;
    bool shared = shares_weights(c, oc);
    taps block[K_BLOCK], *all = (taps *)packed + panel * slots * YL_PAIR;
    for (int64_t k = 0; k < c; k += K_BLOCK) {
        int64_t count = c - k < K_BLOCK ? c - k : K_BLOCK;
        read_weights(g, d, w, scale, panel * YL_NR, k, count, shared ? all + k : block);
        if (!shared) transform_part(block, count, 0, packed + (panel * slots + k / YL_PAIR) * YL_NR, plane);
    }
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    int64_t oc = d == YL_FORWARD ? g->oc : g->c, panels = (oc + YL_NR - 1) / YL_NR;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < panels; p++) pack_panel(g, d, weight, scale, p, packed);
    return YL_OK;
}

/* ---- input: V {parts, places, tiles, in_row} ---- */

/* Where tile `index` lies: image n, first input row and column. */
typedef struct place {
    int64_t n, i, j;
} place;

static place place_of(const pass *p, int64_t index)
{
    int64_t per_image = p->tile_rows * p->tile_cols, at = index % per_image;
    return (place){index / per_image, at / p->tile_cols * YL_OUT, at % p->tile_cols * YL_OUT};
}

YL__INLINE void input_vector(const pass *p, const yl__picture *in, place at, int64_t k, const bool whole, float *to)
{
    yl__vec d[YL_PLACES];
    yl__input_vector(in, at.n, at.i - p->pt, at.j - p->pl, k, whole, d);
    to += k / YL_PAIR / p->part * p->v_part + k / YL_PAIR % p->part;
    for (int xi = 0; xi < YL_PLACES; xi++) yl__store_factors(to + xi * p->v_plane, d[xi]);
}

static void input_tile(const pass *p, int64_t index, float *to)
{
    place at = place_of(p, index);
    yl__picture in = {p->in, p->h, p->w, p->c};
    bool inside = yl__tile_inside(&in, at.i - p->pt, at.j - p->pl);
    for (int64_t k = 0; k < p->c; k += YL_VL)
        if (inside && p->c - k >= YL_VL)
            input_vector(p, &in, at, k, true, to);
        else
            input_vector(p, &in, at, k, false, to);
}

/* ---- products: M[xi] = V[xi] U[xi] ---- */

/* The sums of one place and panel (+)= those over `slots` slots, while `bytes` from `next` on are fetched into the cache. */
static void multiply(const pass *p, int64_t tiles, const float *v, const float *u, int64_t slots, bool add, float *m,
                     const void *next, int64_t bytes)
{
    const int64_t zero = 0;
    yl__tile t = {.a = v,
                  .b = u,
                  .c = m,
                  .a_run = &zero,
                  .b_run = &zero,
                  .a_row = p->in_row,
                  .a_step = 1,
                  .b_step = YL_NR,
                  .runs = 1,
                  .length = slots,
                  .c_row = p->out_row,
                  .cols = YL_NR,
                  .add = add,
                  .next = next,
                  .next_step = bytes / (slots * ((tiles + YL_MR - 1) / YL_MR))};
    tile(&t, tiles);
}

/* ---- output ---- */

/* What becomes of the sums of one pixel: whole vectors with the common activations stay in registers. */
static inline void finish_pixel(const pass *p, yl__vec sum, const float *bias, int64_t count, float *to)
{
    float lanes[YL_VL];
    if (count == YL_VL && p->act <= YL_ACT_leaky) {
        if (p->add) sum += *(const yl__vec *)to;
        if (bias) sum += *(const yl__vec *)bias;
        if (p->act == YL_ACT_leaky) sum = YL_LANES_OF(leaky, YL_VL)(sum, p->slope);
        *(yl__vec *)to = sum;
        return;
    }
    *(yl__vec *)lanes = sum;
    for (int64_t l = 0; p->add && l < count; l++) lanes[l] += to[l];
    yl__epilogue(p->act, p->slope, count, bias, lanes);
    memcpy(to, lanes, (size_t)count * sizeof *to);
}

/* One vector of channels from o on of one tile, whose sums m begins with: its pixels, clipped to the image. */
static void output_vector(const pass *p, const float *m, place at, int64_t o)
{
    yl__vec s[YL_PLACES], t[YL_OUT * YL_SIDE], y[YL_OUT * YL_OUT];
    int64_t rows = p->oh - at.i < YL_OUT ? p->oh - at.i : YL_OUT, cols = p->ow - at.j < YL_OUT ? p->ow - at.j : YL_OUT;
    int64_t count = p->oc - o < YL_VL ? p->oc - o : YL_VL;
    for (int xi = 0; xi < YL_PLACES; xi++) s[xi] = *(const yl__vec *)(m + xi * p->m_plane);
    for (int v = 0; v < YL_SIDE; v++) yl__transform_back(s + v, YL_SIDE, YL_OUT, t + v, YL_SIDE);
    for (int u = 0; u < YL_OUT; u++) yl__transform_back(t + YL_SIDE * u, 1, YL_OUT, y + YL_OUT * u, 1);
    float *out = p->out + ((at.n * p->oh + at.i) * p->ow + at.j) * p->oc + o;
    for (int64_t u = 0; u < rows; u++)
        for (int64_t v = 0; v < cols; v++)
            finish_pixel(p, y[YL_OUT * u + v], p->bias ? p->bias + o : NULL, count, out + (u * p->ow + v) * p->oc);
}

/* ---- chunks ---- */

/* Tiles [from, to), by one thread. */
static void run_alone(const pass *p, int64_t from, int64_t to, float *v, float *m)
{
    for (int64_t t = from; t < to; t++) input_tile(p, t, v + (t - from) * p->in_row);
    const float *u = p->packed;
    for (int64_t xi = 0; xi < YL_PLACES; xi++)
        for (int64_t q = 0; q < p->panels; q++)
            for (int64_t k = 0; k < p->slots; k += p->part) {
                int64_t slots = p->slots - k < p->part ? p->slots - k : p->part;
                multiply(p, to - from, v + k / p->part * p->v_part + xi * p->v_plane, u, slots, k > 0,
                         m + xi * p->m_plane + q * YL_NR, u + slots * YL_NR, slots * YL_NR * (int64_t)sizeof(float));
                u += slots * YL_NR;
            }
    for (int64_t t = from; t < to; t++)
        for (int64_t o = 0; o < p->oc; o += YL_VL) output_vector(p, m + (t - from) * p->out_row + o, place_of(p, t), o);
}

/* The outputs of one panel for tiles [from, to), which v begins with. */
static void run_panel(const pass *p, int64_t panel, int64_t from, int64_t to, const float *v, float *u, float *m)
{
    const taps *w = (const taps *)p->packed + panel * p->slots * YL_PAIR;
    for (int64_t k = 0; k < p->c; k += SHARED_PART, v += p->v_part) {
        int64_t count = p->c - k < SHARED_PART ? p->c - k : SHARED_PART;
        transform_part(w, count, L1_AHEAD, u, U_PLANE);
        w += count;
        for (int64_t xi = 0; xi < YL_PLACES; xi++)
            multiply(p, to - from, v + xi * p->v_plane, u + xi * U_PLANE, yl__slots(count), k > 0, m + xi * p->m_plane,
                     (const char *)w + xi * L2_AHEAD, L2_AHEAD);
    }
    for (int64_t t = from; t < to; t++)
        for (int64_t o = panel * YL_NR; o < p->oc && o < (panel + 1) * YL_NR; o += YL_VL)
            output_vector(p, m + (t - from) * p->out_row + o - panel * YL_NR, place_of(p, t), o);
}

/* The same by all threads. A sum is made by one thread and in one order, so that nothing depends on their number. */
static void run_together(const yl_ctx *ctx, const pass *p, int64_t from, int64_t to, float *v)
{
    int64_t threads = ctx->threads, tiles = to - from, parts = (threads + p->panels - 1) / p->panels;
    parts = parts < tiles ? parts : tiles; /* of the tiles, where there are fewer panels than threads */
#pragma omp parallel num_threads(ctx->threads)
    {
#pragma omp for schedule(static)
        for (int64_t t = from; t < to; t++) input_tile(p, t, v + (t - from) * p->in_row);
#pragma omp for schedule(static)
        for (int64_t team = 0; team < threads; team++) {
            float *u = v + v_floats(p) + team * own_floats(p);
            int64_t jobs = p->panels * parts;
            for (int64_t q = jobs * team / threads; q < jobs * (team + 1) / threads; q++) {
                int64_t part = q % parts, first = tiles * part / parts, last = tiles * (part + 1) / parts;
                run_panel(p, q / parts, from + first, from + last, v + first * p->in_row, u, u + YL_PLACES * U_PLANE);
            }
        }
    }
}

static yl_status run_winograd(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    if (d == YL_BACKWARD_WEIGHTS) return YL__WINOGRAD(_weights)(ctx, g, run);
    pass p = make_pass(ctx, g, d);
    p.in = d == YL_FORWARD ? run->x : run->dy, p.out = d == YL_FORWARD ? run->y : run->dx;
    p.packed = run->packed, p.bias = d == YL_FORWARD ? run->bias : NULL;
    p.add = d == YL_BACKWARD_DATA && run->beta != 0;
    float *v = run->scratch;
    if (p.shared) {
        for (int64_t t = 0; t < p.tiles; t += p.chunk)
            run_together(ctx, &p, t, t + p.chunk < p.tiles ? t + p.chunk : p.tiles, v);
        return YL_OK;
    }
    int64_t threads = ctx->threads, chunks = (p.tiles + p.chunk - 1) / p.chunk;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t team = 0; team < threads; team++)
        for (int64_t q = chunks * team / threads; q < chunks * (team + 1) / threads; q++) {
            float *own = v + team * own_floats(&p);
            run_alone(&p, p.tiles * q / chunks, p.tiles * (q + 1) / chunks, own, own + v_floats(&p));
        }
    return YL_OK;
}

const yl_conv2d_algo YL__WINOGRAD() = {
    .name = YL_OUT == 5    ? "winograd5"
            : YL_PAIR == 2 ? "winograd_bf16"
                           : "winograd",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_winograd,
};
