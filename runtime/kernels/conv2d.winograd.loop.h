/* Winograd's minimal filtering F(4x4, 3x3) (Lavin & Gray 2016, section 4.3) for 3x3 convolutions of stride 1, forward
 * and backward data: 36 multiplications make 16 outputs, where the definition takes 144. F(5x5, 3x3) makes 25 of 49, and fits
 * maps of 13x13, where tiles of four would make 16x16.
 *
 *   Y = A' [ sum over k of (G w_k G') . (B' d_k B) ] A,   d a 6x6 input tile, w a 3x3 kernel, Y a 4x4 output tile
 *
 * For each of the 36 (or 49) places xi the sum over channels k is a matrix product V[xi] {tiles, c} * U[xi] {c, oc} = M[xi]
 * {tiles, oc}. A chunk of tiles is transformed, multiplied and transformed back while it is in the cache. Where the
 * weights are larger than that, all threads work on one chunk and share the weights; else each thread has chunks of its
 * own.
 *
 * conv2d.winograd.c, conv2d.winograd5.c and conv2d.winograd_bf16.c include this, for factors of f32 and bf16: a slot of V and U (kernels/factors.h) holds
 * neighbouring channels. */
#include "kernels/activation.formulas.h"
#include "kernels/conv2d.winograd.h"
#include "kernels/slab.h"

enum { PART = 256, OWN_BYTES = 640 << 10, SHARED_BYTES = 16 << 20, SHARE_WEIGHTS_FROM = 3 << 20, K_BLOCK = 16 };

/* Where few rows of V share a row of U, as on AVX2, the first tile of a part would wait for memory, and the others find the part in the cache: so
 * all of them fetch the next one. */
YL__TILE_DEFINE(tile, false, YL_VL == 8 ? PART * YL_NR : 0)

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
    int64_t panels, in_row, out_row;     /* slots of a row of V, floats of one of M */
    int64_t chunk;                       /* tiles at a time */
    int64_t v_plane, m_plane;            /* of V[xi] and M[xi] */
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
    p.in_row = yl__slab_pixel(yl__rounded(p.slots, YL_VL)), p.out_row = yl__slab_pixel(p.panels * YL_NR);
    p.shared = YL_PLACES * p.slots * p.oc * (int64_t)sizeof(float) > SHARE_WEIGHTS_FROM;
    int64_t per_tile = YL_PLACES * (p.in_row + p.out_row) * (int64_t)sizeof(float);
    int64_t most = (p.shared ? SHARED_BYTES : OWN_BYTES) / per_tile / YL_MR * YL_MR;
    most = most < YL_MR ? YL_MR : most;
    int64_t teams = p.shared ? 1 : ctx->threads, each = (p.tiles + teams - 1) / teams,
            rounds = (each + most - 1) / most;
    p.chunk = (each + rounds - 1) / rounds;
    p.v_plane = p.chunk * p.in_row + 16, p.m_plane = p.chunk * p.out_row + 16;
    return p;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t h = d == YL_FORWARD ? g->oh : g->h, w = d == YL_FORWARD ? g->ow : g->w;
    double tiles = (double)(g->n * tiles_of(h) * tiles_of(w)), c = (double)g->c, oc = (double)g->oc;
    return YL_PLACES * (tiles * c * oc * 1.15 / YL_PAIR + tiles * (c + oc) * 7 + c * oc * 20);
}

static int64_t team_floats(const pass *p)
{
    return yl__rounded(YL_PLACES * (p->v_plane + p->m_plane), 16);
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    if (d == YL_BACKWARD_WEIGHTS) return YL__WINOGRAD(_weights_scratch)(ctx, g);
    pass p = make_pass(ctx, g, d);
    return (size_t)(team_floats(&p) * (p.shared ? 1 : ctx->threads)) * sizeof(float);
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    if (d == YL_BACKWARD_WEIGHTS) return 0;
    int64_t c = d == YL_FORWARD ? g->c : g->oc, oc = d == YL_FORWARD ? g->oc : g->c;
    return (size_t)(YL_PLACES * yl__slots(c) * yl__rounded(oc, YL_NR)) * sizeof(float);
}

/* ---- weights: U[xi] {panels, slots, YL_NR} ---- */

/* The nine weights of YL_NR outputs for `count` inputs from k0: block[k][tap][lane]. */
static void read_weights(const yl_conv2d_geom *g, yl_direction d, const float *w, const float *scale, int64_t o0,
                         int64_t k0, int64_t count, float block[K_BLOCK][9][YL_NR])
{
    int64_t oc = d == YL_FORWARD ? g->oc : g->c, lanes = oc - o0 < YL_NR ? oc - o0 : YL_NR;
    memset(block, 0, sizeof(float) * K_BLOCK * 9 * YL_NR);
    if (d == YL_FORWARD) {
        for (int64_t l = 0; l < lanes; l++)
            for (int64_t t = 0; t < 9; t++) {
                const float *from = w + ((o0 + l) * 9 + t) * g->c + k0, s = scale ? scale[o0 + l] : 1.0f;
                for (int64_t k = 0; k < count; k++) block[k][t][l] = from[k] * s;
            }
        return;
    }
    for (int64_t k = 0; k < count; k++)
        for (int64_t t = 0; t < 9; t++)
            memcpy(block[k][t], w + ((k0 + k) * 9 + 8 - t) * g->c + o0, (size_t)lanes * sizeof(float));
}

/* G w G' of one vector of outputs. */
YL__INLINE void transform_weights(float taps[9][YL_NR], int lane, yl__vec u[YL_PLACES])
{
    yl__vec w[9], half[3 * YL_SIDE];
    for (int t = 0; t < 9; t++) w[t] = *(const yl__vec *)(taps[t] + lane);
    for (int j = 0; j < 3; j++) yl__transform_factor(w + j, 3, 3, half + j, 3);
    for (int i = 0; i < YL_SIDE; i++) yl__transform_factor(half + 3 * i, 1, 3, u + YL_SIDE * i, 1);
}

static void pack_panel(const yl_conv2d_geom *g, yl_direction d, const float *w, const float *scale, int64_t panel,
                       float *packed)
{
    int64_t c = d == YL_FORWARD ? g->c : g->oc, oc = d == YL_FORWARD ? g->oc : g->c;
    int64_t slots = yl__slots(c), plane = yl__rounded(oc, YL_NR) * slots;
    float block[K_BLOCK][9][YL_NR];
    for (int64_t k0 = 0; k0 < c; k0 += K_BLOCK) {
        int64_t count = c - k0 < K_BLOCK ? c - k0 : K_BLOCK;
        read_weights(g, d, w, scale, panel * YL_NR, k0, count, block);
        for (int64_t k = 0; k < count; k += YL_PAIR)
            for (int v = 0; v < 2; v++) {
                yl__vec u[YL_PAIR][YL_PLACES];
                for (int i = 0; i < YL_PAIR; i++) transform_weights(block[k + i], v * YL_VL, u[i]);
                float *to = packed + (panel * slots + (k0 + k) / YL_PAIR) * YL_NR + v * YL_VL;
                for (int xi = 0; xi < YL_PLACES; xi++) *(yl__vec *)(to + xi * plane) = yl__slot(&u[0][xi], YL_PLACES);
            }
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

/* ---- input: V[xi] {tiles, in_row} ---- */

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
    for (int xi = 0; xi < YL_PLACES; xi++) yl__store_factors(to + k / YL_PAIR + xi * p->v_plane, d[xi]);
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

static void multiply(const pass *p, int64_t tiles, int64_t xi, int64_t panel, const float *v, float *m)
{
    const int64_t zero = 0;
    yl__tile t = {.c = m + xi * p->m_plane + panel * YL_NR,
                  .a_run = &zero,
                  .b_run = &zero,
                  .a_row = p->in_row,
                  .a_step = 1,
                  .b_step = YL_NR,
                  .runs = 1,
                  .c_row = p->out_row,
                  .cols = YL_NR};
    for (int64_t k = 0; k < p->slots; k += PART) {
        t.length = p->slots - k < PART ? p->slots - k : PART;
        t.add = k > 0;
        t.b = p->packed + ((xi * p->panels + panel) * p->slots + k) * YL_NR;
        t.a = v + xi * p->v_plane + k;
        tile(&t, tiles);
    }
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

/* One vector of channels of one tile: its pixels, clipped to the image. */
static void output_vector(const pass *p, const float *m, place at, int64_t o)
{
    yl__vec s[YL_PLACES], t[YL_OUT * YL_SIDE], y[YL_OUT * YL_OUT];
    int64_t rows = p->oh - at.i < YL_OUT ? p->oh - at.i : YL_OUT, cols = p->ow - at.j < YL_OUT ? p->ow - at.j : YL_OUT;
    int64_t count = p->oc - o < YL_VL ? p->oc - o : YL_VL;
    for (int xi = 0; xi < YL_PLACES; xi++) s[xi] = *(const yl__vec *)(m + xi * p->m_plane + o);
    for (int v = 0; v < YL_SIDE; v++) yl__transform_back(s + v, YL_SIDE, YL_OUT, t + v, YL_SIDE);
    for (int u = 0; u < YL_OUT; u++) yl__transform_back(t + YL_SIDE * u, 1, YL_OUT, y + YL_OUT * u, 1);
    float *out = p->out + ((at.n * p->oh + at.i) * p->ow + at.j) * p->oc + o;
    for (int64_t u = 0; u < rows; u++)
        for (int64_t v = 0; v < cols; v++)
            finish_pixel(p, y[YL_OUT * u + v], p->bias ? p->bias + o : NULL, count, out + (u * p->ow + v) * p->oc);
}

static void output_tile(const pass *p, int64_t index, const float *m)
{
    place at = place_of(p, index);
    for (int64_t o = 0; o < p->oc; o += YL_VL) output_vector(p, m, at, o);
}

/* ---- chunks ---- */

/* Tiles [from, to), by one thread. */
static void run_alone(const pass *p, int64_t from, int64_t to, float *v, float *m)
{
    for (int64_t t = from; t < to; t++) input_tile(p, t, v + (t - from) * p->in_row);
    for (int64_t xi = 0; xi < YL_PLACES; xi++)
        for (int64_t q = 0; q < p->panels; q++) multiply(p, to - from, xi, q, v, m);
    for (int64_t t = from; t < to; t++) output_tile(p, t, m + (t - from) * p->out_row);
}

/* The same by all threads: each product is one thread's, so that nothing depends on their number. */
static void run_together(const yl_ctx *ctx, const pass *p, int64_t from, int64_t to, float *v, float *m)
{
    int64_t products = YL_PLACES * p->panels;
#pragma omp parallel num_threads(ctx->threads)
    {
#pragma omp for schedule(static)
        for (int64_t t = from; t < to; t++) input_tile(p, t, v + (t - from) * p->in_row);
#pragma omp for schedule(static)
        for (int64_t q = 0; q < products; q++) multiply(p, to - from, q / p->panels, q % p->panels, v, m);
#pragma omp for schedule(static)
        for (int64_t t = from; t < to; t++) output_tile(p, t, m + (t - from) * p->out_row);
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
            run_together(ctx, &p, t, t + p.chunk < p.tiles ? t + p.chunk : p.tiles, v, v + YL_PLACES * p.v_plane);
        return YL_OK;
    }
    int64_t threads = ctx->threads, chunks = (p.tiles + p.chunk - 1) / p.chunk;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t team = 0; team < threads; team++)
        for (int64_t q = chunks * team / threads; q < chunks * (team + 1) / threads; q++) {
            float *own = v + team * team_floats(&p);
            run_alone(&p, p.tiles * q / chunks, p.tiles * (q + 1) / chunks, own, own + YL_PLACES * p.v_plane);
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
