/* Direct convolution, forward and backward data: tiles of output pixels times panels of output channels, summed in
 * registers over taps and channels (Georganas et al. 2018 in spirit, with NHWC in memory). Input is copied a block at a
 * time, so that padding is real and a block stays in the cache while all panels pass over it.
 *
 * Both directions are one loop over a `pass`: backward data is a convolution of dy with the weights turned round, and
 * where the stride is not 1, one such convolution per residue of the pixel's row and column.
 *
 * conv2d.direct.c and conv2d.direct_bf16.c include this, for factors of f32 and bf16: a slot (kernels/factors.h) holds neighbouring
 * channels of the input. */
#include "kernels/activation.formulas.h"
#include "kernels/axis.h"
#include "kernels/conv2d.direct.h"
#include "kernels/tile.h"

YL__TILE_DEFINE(tile, false, 0)

enum { MAX_TAPS = 1024, BLOCK_BYTES = 256 << 10 };

/* One convolution: out pixel (i, j) of the grid = sum over taps of in[i * in_si + di[t], j * in_sj + dj[t]]. */
typedef struct pass {
    int64_t n, channels, c, oc; /* images; of one group: channels in, the slots that they take, channels out */
    yl__source in;
    int64_t rows, cols;                  /* grid of outputs */
    int64_t si, sj;                      /* step in the input */
    int64_t out_image, out_row, out_col; /* floats between images, rows and columns of the grid */
    int n_taps, ki, kj;                  /* taps: ki rows of kj */
    int64_t i0, j0, ti, tj;              /* tap (u, v) lies at i0 + u * ti, j0 + v * tj */
    const float *packed;                 /* {panels, parts, taps, part, YL_NR} */
    float *out;
    bool add;
    const float *bias;
    yl_activation act;
    float slope;
} pass;

/* Slots are taken in parts of this many: a tile's pixels stay in the first cache level. */
static int64_t part_of(int64_t c, int taps)
{
    int64_t most = taps > 1 ? 128 : 256, parts = (c + most - 1) / most;
    return (c + parts - 1) / parts;
}

static int64_t panels_of(int64_t oc)
{
    return (oc + YL_NR - 1) / YL_NR;
}

/* ---- geometry to passes ---- */

static int64_t packed_floats(int64_t c, int64_t oc, int64_t taps)
{
    return panels_of(oc) * YL_NR * yl__slots(c) * taps;
}

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx;
    if (YL_PAIR == 2 && (!g->bf16 || d == YL_BACKWARD_WEIGHTS)) return false;
    if (g->dtype != YL_F32 || g->kh * g->kw > MAX_TAPS || g->kh > 255 || g->kw > 255) return false;
    (void)d;
    return g->groups == 1 || (g->c / g->groups >= 8 && g->oc / g->groups >= 8);
}

/* What channels cost as: whole vectors, or a half or a quarter where that is enough. */
static double lanes_of(int64_t oc)
{
#ifdef YL_QUARTER
    if (oc % YL_NR > 0 && oc % YL_NR <= YL_QUARTER) return (double)(oc / YL_NR * YL_NR + YL_QUARTER);
#endif
#ifdef YL_HALF
    if (oc % YL_NR > 0 && oc % YL_NR <= YL_HALF) return (double)(oc / YL_NR * YL_NR + YL_HALF);
#endif
    return (double)((oc + YL_VL - 1) / YL_VL * YL_VL);
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t oc = (d == YL_FORWARD ? g->oc : g->c) / g->groups;
    return yl_conv2d_work(g) * lanes_of(oc) / (double)oc * 1.1 / YL_PAIR;
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    int64_t c = g->c / g->groups, oc = g->oc / g->groups;
    if (d == YL_BACKWARD_WEIGHTS) return 0;
    int64_t floats = d == YL_FORWARD ? packed_floats(c, oc, g->kh * g->kw) : packed_floats(oc, c, g->kh * g->kw);
    return (size_t)(g->groups * floats) * sizeof(float);
}

/* Packs one pass: weight(tap, k, o) = w[o * so + k * sk + tap_at[tap]] * scale[o]. */
static void pack_pass(const yl_ctx *ctx, int64_t c, int64_t oc, int taps, const int64_t *tap_at, const float *w,
                      int64_t so, int64_t sk, const float *scale, float *packed)
{
    int64_t slots = yl__slots(c), part = part_of(slots, taps), panels = panels_of(oc);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t p = 0; p < panels; p++) {
        float *to = packed + p * YL_NR * slots * taps;
        int64_t cols = oc - p * YL_NR < YL_NR ? oc - p * YL_NR : YL_NR;
        for (int64_t k0 = 0; k0 < slots; k0 += part)
            for (int t = 0; t < taps; t++)
                for (int64_t k = k0; k < k0 + part && k < slots; k++, to += YL_NR) {
                    const float *from = w + p * YL_NR * so + YL_PAIR * k * sk + tap_at[t];
                    int64_t second = YL_PAIR * k + YL_PAIR <= c ? sk : 0; /* 0: there is none */
                    for (int64_t o = 0; o < cols; o++) {
                        float factor = scale ? scale[p * YL_NR + o] : 1.0f, first = from[o * so] * factor;
                        to[o] = yl__slot_of(first, second ? from[o * so + second] * factor : 0);
                    }
                    for (int64_t o = cols; o < YL_NR; o++) to[o] = 0;
                }
    }
}

static void pack_forward(const yl_ctx *ctx, const yl_conv2d_geom *g, const float *w, const float *scale, float *packed)
{
    int64_t c = g->c / g->groups, oc = g->oc / g->groups, tap_at[MAX_TAPS];
    int taps = g->kh * g->kw;
    for (int t = 0; t < taps; t++) tap_at[t] = t * c;
    for (int64_t q = 0; q < g->groups; q++)
        pack_pass(ctx, c, oc, taps, tap_at, w + q * oc * taps * c, taps * c, 1, scale ? scale + q * oc : NULL,
                  packed + q * packed_floats(c, oc, taps));
}

/* Panels of all residues, one after the other. */
static void pack_data(const yl_ctx *ctx, const yl_conv2d_geom *g, const float *w, float *packed)
{
    int64_t c = g->c / g->groups, oc = g->oc / g->groups, taps = g->kh * g->kw, tap_at[MAX_TAPS];
    for (int64_t q = 0; q < g->groups; q++, w += oc * taps * c)
        for (int ri = 0; ri < g->sh; ri++)
            for (int rj = 0; rj < g->sw; rj++) {
                yl__axis a = yl__axis_of(g->kh, g->sh, g->dh, g->pt, ri),
                         b = yl__axis_of(g->kw, g->sw, g->dw, g->pl, rj);
                int count = 0;
                for (int u = 0; u < a.count; u++)
                    for (int v = 0; v < b.count; v++) tap_at[count++] = (a.u[u] * g->kw + b.u[v]) * c;
                if (count) pack_pass(ctx, oc, c, count, tap_at, w, 1, taps * c, NULL, packed);
                packed += packed_floats(oc, c, count);
            }
}

static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    if (d == YL_FORWARD)
        pack_forward(ctx, g, weight, scale, packed);
    else
        pack_data(ctx, g, weight, packed);
    return YL_OK;
}

/* ---- one pass ---- */

/* How a pass is cut: rows of the grid per block, images per block (more than one only where all rows fit), and who does
 * what. */
typedef struct cut {
    int64_t part, rows, images, in_rows, in_cols;
    bool direct;    /* the input is used where it lies */
    bool by_panels; /* threads share the panels, else the rows */
} cut;

static int64_t span(int64_t count, int64_t step, int taps, int64_t tap_step)
{
    int64_t reach = taps > 0 ? (taps - 1) * (tap_step < 0 ? -tap_step : tap_step) : 0;
    return (count - 1) * step + reach + 1;
}

static cut cut_pass(const yl_ctx *ctx, const pass *p)
{
    cut k = {.part = part_of(p->c, p->n_taps)};
    k.in_cols = span(p->cols, p->sj, p->kj, p->tj);
    bool inside = p->j0 >= 0 && p->i0 >= 0 && k.in_cols + p->j0 <= p->in.w &&
                  span(p->rows, p->si, p->ki, p->ti) + p->i0 <= p->in.h;
    k.direct = YL_PAIR == 1 && inside && k.part == p->c && p->c <= 128 && p->tj >= 0 && p->ti >= 0;
    int64_t row = k.in_cols * yl__slab_pixel(k.part) * (int64_t)sizeof(float), room = BLOCK_BYTES / row;
    k.rows = (room - span(1, p->si, p->ki, p->ti)) / p->si + 1;
    k.rows = k.rows < 1 ? 1 : k.rows < p->rows ? k.rows : p->rows;
    k.images = k.rows < p->rows ? 1 : room / span(p->rows, p->si, p->ki, p->ti);
    k.images = k.images < 1 ? 1 : k.images < p->n ? k.images : p->n;
    k.in_rows = span(k.rows, p->si, p->ki, p->ti);
    int64_t weights = p->c * p->oc * p->n_taps, outputs = p->n * p->rows * p->cols * p->oc;
    k.by_panels = panels_of(p->oc) >= ctx->threads && (weights > outputs || p->n * p->rows < 2 * ctx->threads);
    return k;
}

static int64_t slab_floats(const cut *k)
{
    return k->direct ? 0 : (k->images * k->in_rows * k->in_cols * yl__slab_pixel(k->part) + 15) / 16 * 16;
}

/* Where the pixels of a block are read from: the copy, or the tensor itself. */
typedef struct view {
    const float *at; /* of tap (0, 0) under the block's first output */
    int64_t image, row, pixel;
} view;

typedef struct piece {
    int64_t n0, n, i0, rows; /* images and rows of the grid */
    int64_t panel0, panel1;
} piece;

static view view_of(const pass *p, const cut *k, const piece *b, int64_t k0, int64_t c, float *slab)
{
    int64_t tap_i = p->ti < 0 ? (p->ki - 1) * -p->ti : 0, tap_j = p->tj < 0 ? (p->kj - 1) * -p->tj : 0;
    if (k->direct) {
        int64_t row = p->in.w * p->in.pixel;
        return (view){p->in.x + (b->n0 * p->in.h + b->i0 * p->si + p->i0) * row + p->j0 * p->in.pixel, p->in.h * row,
                      row, p->in.pixel};
    }
    int64_t left = p->channels - k0 * YL_PAIR, count = c * YL_PAIR < left ? c * YL_PAIR : left;
    yl__block block = {.n0 = b->n0,
                       .n = b->n,
                       .i0 = b->i0 * p->si + p->i0 - tap_i,
                       .rows = span(b->rows, p->si, p->ki, p->ti),
                       .j0 = p->j0 - tap_j,
                       .cols = k->in_cols,
                       .k0 = k0 * YL_PAIR,
                       .c = count,
                       .pixel = yl__slab_pixel_in(k->part, c)};
    yl__slab_copy(&p->in, &block, slab);
    int64_t row = block.cols * block.pixel;
    return (view){slab + tap_i * row + tap_j * block.pixel, block.rows * row, row, block.pixel};
}

/* Sets the runs of a tile: a tap is one, or a row of taps where their channels follow each other in memory. */
static void set_runs(const pass *p, const view *v, int64_t c, int64_t *a_run, int64_t *b_run, yl__tile *t)
{
    bool joined = v->pixel == c && p->tj == 1 && p->sj >= 1;
    int kj = joined ? 1 : p->kj;
    t->length = joined ? c * p->kj : c;
    t->runs = (int64_t)p->ki * kj;
    for (int u = 0, r = 0; u < p->ki; u++)
        for (int w = 0; w < kj; w++, r++) {
            a_run[r] = u * p->ti * v->row + w * p->tj * v->pixel;
            b_run[r] = r * t->length * YL_NR;
        }
    t->a_run = a_run, t->b_run = b_run;
    t->a_row = p->sj * v->pixel, t->a_step = 1, t->b_step = YL_NR;
}

/* The bias of a panel, zeros behind the last channel. */
static void panel_bias(const pass *p, int64_t panel, float bias[YL_NR])
{
    for (int64_t j = 0; j < YL_NR; j++) bias[j] = panel * YL_NR + j < p->oc ? p->bias[panel * YL_NR + j] : 0;
}

static void run_part(const pass *p, const piece *b, int64_t k0, int64_t c, const view *v)
{
    int64_t a_run[MAX_TAPS], b_run[MAX_TAPS];
    float bias[YL_NR];
    bool last = k0 + c == p->c && p->act <= YL_ACT_leaky; /* the tile ends in the epilogue */
    yl__tile t = {.c_row = p->out_col,
                  .add = p->add || k0 > 0,
                  .bias = last && p->bias ? bias : NULL,
                  .leaky = last && p->act == YL_ACT_leaky,
                  .slope = p->slope};
    set_runs(p, v, c, a_run, b_run, &t);
    for (int64_t q = b->panel0; q < b->panel1; q++) {
        t.b = p->packed + (q * p->c + k0) * p->n_taps * YL_NR;
        t.cols = (int)(p->oc - q * YL_NR < YL_NR ? p->oc - q * YL_NR : YL_NR);
        if (t.bias) panel_bias(p, q, bias);
        for (int64_t n = 0; n < b->n; n++)
            for (int64_t i = 0; i < b->rows; i++) {
                t.a = v->at + n * v->image + i * p->si * v->row;
                t.c = p->out + (b->n0 + n) * p->out_image + (b->i0 + i) * p->out_row + q * YL_NR;
                tile(&t, p->cols);
            }
    }
}

/* The epilogues that the tiles do not know. */
static void end_piece(const pass *p, const piece *b)
{
    int64_t from = b->panel0 * YL_NR, to = b->panel1 * YL_NR < p->oc ? b->panel1 * YL_NR : p->oc;
    if (p->act <= YL_ACT_leaky) return;
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = 0; i < b->rows; i++) {
            float *row = p->out + (b->n0 + n) * p->out_image + (b->i0 + i) * p->out_row;
            for (int64_t j = 0; j < p->cols; j++)
                yl__epilogue(p->act, p->slope, to - from, p->bias ? p->bias + from : NULL, row + j * p->out_col + from);
        }
}

static void run_piece(const pass *p, const cut *k, const piece *b, float *slab)
{
    for (int64_t k0 = 0; k0 < p->c; k0 += k->part) {
        int64_t c = p->c - k0 < k->part ? p->c - k0 : k->part;
        view v = view_of(p, k, b, k0, c, slab);
        run_part(p, b, k0, c, &v);
    }
    end_piece(p, b);
}

/* Rows [from, to) of all images' rows, a block at a time. */
static void run_rows(const pass *p, const cut *k, int64_t from, int64_t to, int64_t panel0, int64_t panel1, float *slab)
{
    for (int64_t r = from; r < to;) {
        piece b = {.n0 = r / p->rows, .n = 1, .i0 = r % p->rows, .panel0 = panel0, .panel1 = panel1};
        int64_t whole = (to - r) / p->rows;
        b.rows = p->rows - b.i0 < k->rows ? p->rows - b.i0 : k->rows;
        b.rows = to - r < b.rows ? to - r : b.rows;
        if (b.i0 == 0 && b.rows == p->rows && whole > 1) b.n = whole < k->images ? whole : k->images;
        run_piece(p, k, &b, slab);
        r += b.n * b.rows;
    }
}

static void clear_grid(const pass *p)
{
    for (int64_t n = 0; n < p->n; n++)
        for (int64_t i = 0; i < p->rows; i++)
            for (int64_t j = 0; j < p->cols; j++)
                memset(p->out + n * p->out_image + i * p->out_row + j * p->out_col, 0, (size_t)p->oc * sizeof(float));
}

static void run_pass(const yl_ctx *ctx, const pass *p, float *scratch)
{
    if (p->rows < 1 || p->cols < 1) return;
    if (p->n_taps == 0) {
        if (!p->add) clear_grid(p);
        return;
    }
    cut k = cut_pass(ctx, p);
    int64_t threads = ctx->threads, rows = p->n * p->rows, panels = panels_of(p->oc), floats = slab_floats(&k);
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        if (k.by_panels)
            run_rows(p, &k, 0, rows, panels * t / threads, panels * (t + 1) / threads, scratch + t * floats);
        else
            run_rows(p, &k, rows * t / threads, rows * (t + 1) / threads, 0, panels, scratch + t * floats);
    }
}

/* ---- directions ---- */

static pass forward_pass(const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t q)
{
    int64_t c = g->c / g->groups, oc = g->oc / g->groups;
    pass p = {.n = g->n,
              .channels = c,
              .c = yl__slots(c),
              .oc = oc,
              .in = {(const float *)run->x + q * c, g->h, g->w, g->c},
              .rows = g->oh,
              .cols = g->ow,
              .si = g->sh,
              .sj = g->sw,
              .out_image = g->oh * g->ow * g->oc,
              .out_row = g->ow * g->oc,
              .out_col = g->oc,
              .n_taps = g->kh * g->kw,
              .ki = g->kh,
              .kj = g->kw,
              .i0 = -g->pt,
              .j0 = -g->pl,
              .ti = g->dh,
              .tj = g->dw,
              .packed = (const float *)run->packed + q * packed_floats(c, oc, g->kh * g->kw),
              .out = (float *)run->y + q * oc,
              .bias = run->bias ? run->bias + q * oc : NULL,
              .act = g->act,
              .slope = g->leaky_slope};
    if (yl_conv2d_pointwise(g)) /* one long row of pixels, cut into rows that threads can share */
        p.in.h = p.rows = g->n * g->h, p.n = 1;
    return p;
}

static pass data_pass(const yl_conv2d_geom *g, const yl_conv2d_run *run, int64_t q, int ri, int rj)
{
    int64_t c = g->c / g->groups, oc = g->oc / g->groups;
    yl__axis a = yl__axis_of(g->kh, g->sh, g->dh, g->pt, ri), b = yl__axis_of(g->kw, g->sw, g->dw, g->pl, rj);
    pass p = {.n = g->n,
              .channels = oc,
              .c = yl__slots(oc),
              .oc = c,
              .in = {(const float *)run->dy + q * oc, g->oh, g->ow, g->oc},
              .rows = (g->h - ri + g->sh - 1) / g->sh,
              .cols = (g->w - rj + g->sw - 1) / g->sw,
              .si = 1,
              .sj = 1,
              .out_image = g->h * g->w * g->c,
              .out_row = g->sh * g->w * g->c,
              .out_col = g->sw * g->c,
              .n_taps = a.count * b.count,
              .ki = a.count,
              .kj = b.count,
              .i0 = a.first,
              .j0 = b.first,
              .ti = a.step,
              .tj = b.step,
              .out = (float *)run->dx + (ri * g->w + rj) * g->c + q * c,
              .add = run->beta != 0,
              .act = YL_ACT_linear};
    return p;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    const yl_conv2d_run none = {0};
    int64_t most = 0;
#if YL_PAIR == 1
    if (d == YL_BACKWARD_WEIGHTS) return YL_CPU(conv2d_direct_weights_scratch)(ctx, g);
#endif
    if (d == YL_FORWARD) {
        pass p = forward_pass(g, &none, 0);
        cut k = cut_pass(ctx, &p);
        most = slab_floats(&k);
    } else {
        for (int ri = 0; ri < g->sh; ri++)
            for (int rj = 0; rj < g->sw; rj++) {
                pass p = data_pass(g, &none, 0, ri, rj);
                if (p.n_taps == 0 || p.rows < 1 || p.cols < 1) continue;
                cut k = cut_pass(ctx, &p);
                most = slab_floats(&k) > most ? slab_floats(&k) : most;
            }
    }
    return (size_t)(most * ctx->threads) * sizeof(float);
}

static yl_status run_direct(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    const float *packed = run->packed;
#if YL_PAIR == 1
    if (d == YL_BACKWARD_WEIGHTS) return YL_CPU(conv2d_direct_weights)(ctx, g, run);
#endif
    for (int64_t q = 0; q < g->groups; q++) {
        if (d == YL_FORWARD) {
            pass p = forward_pass(g, run, q);
            run_pass(ctx, &p, run->scratch);
            continue;
        }
        for (int ri = 0; ri < g->sh; ri++)
            for (int rj = 0; rj < g->sw; rj++) {
                pass p = data_pass(g, run, q, ri, rj);
                p.packed = packed;
                run_pass(ctx, &p, run->scratch);
                packed += packed_floats(p.channels, p.oc, p.n_taps);
            }
    }
    return YL_OK;
}

#if YL_PAIR == 2
const yl_conv2d_algo YL_CPU(conv2d_direct_bf16) = {
    .name = "direct_bf16",
#else
const yl_conv2d_algo YL_CPU(conv2d_direct) = {
    .name = "direct",
#endif
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_direct,
};
