/* Direct convolution, backward weights: tiles of output channels times input channels, summed in registers over the
 * pixels of a block, then added to the gradient where it lies:
 *
 *   dw[o, u, v, k] += sum over n, i, j of dy[n, i, j, o] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, k]
 *
 * Threads share the output channels; where there are few weights they share the rows of pixels instead, each with sums
 * of its own, which are added in order. */
#include "kernels/conv2d.direct.h"
#include "kernels/tile.h"

YL__TILE_DEFINE(tile, true, 0)

enum { MAX_ROWS = 128, X_BYTES = 384 << 10, DY_BYTES = 2 << 20, PRIVATE_BYTES = 2 << 20, PART = 64, SLACK = YL_NR };

typedef struct plan {
    const yl_conv2d_geom *g;
    int64_t c, oc;               /* of one group */
    int64_t count, length;       /* weights of a group; of one output channel */
    int64_t part;                /* channels of x at a time */
    int64_t rows, images;        /* of dy in a block; images > 1 only where all rows fit */
    int64_t in_cols;             /* of the copy of x */
    bool in_place, dy_in_place;  /* x, dy are used where they lie */
    bool private;                /* threads share rows and have sums of their own */
    int64_t x_floats, dy_floats; /* of the copies, per thread */
} plan;

static int64_t reach(int64_t count, int64_t step, int taps, int64_t apart)
{
    return (count - 1) * step + (taps - 1) * apart + 1;
}

static int64_t padded(int64_t floats)
{
    return (floats + SLACK + 15) / 16 * 16;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t clamped(int64_t a, int64_t low, int64_t high)
{
    return a < low ? low : least(a, high);
}

static void plan_blocks(plan *p, int64_t channels)
{
    const yl_conv2d_geom *g = p->g;
    int64_t x_row = p->in_cols * yl__slab_pixel(p->part) * (int64_t)sizeof(float);
    int64_t dy_row = g->ow * channels * (int64_t)sizeof(float), halo = reach(1, g->sh, g->kh, g->dh);
    int64_t by_x = (X_BYTES / x_row - halo) / g->sh + 1, by_dy = DY_BYTES / dy_row;
    p->rows = clamped(least(by_x, by_dy), 1, least(g->oh, MAX_ROWS));
    p->images = 1;
    if (p->rows == g->oh)
        p->images = clamped(least(X_BYTES / (x_row * reach(g->oh, g->sh, g->kh, g->dh)), by_dy / g->oh), 1,
                            least(g->n, MAX_ROWS / g->oh));
}

static plan make_plan(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    plan p = {.g = g, .c = g->c / g->groups, .oc = g->oc / g->groups};
    p.length = g->kh * g->kw * p.c, p.count = p.oc * p.length;
    int64_t parts = (p.c + PART - 1) / PART, threads = ctx->threads;
    p.part = (p.c + parts - 1) / parts;
    p.in_cols = reach(g->ow, g->sw, g->kw, g->dw);
    p.private = p.oc < 2 * YL_MR * threads || p.count * (int64_t)sizeof(float) <= PRIVATE_BYTES;
    if (g->n * g->oh < 2 * threads) p.private = false;
    plan_blocks(&p, p.private ? p.oc : (p.oc + threads - 1) / threads);
    bool inside = g->pt == 0 && g->pl == 0 && p.in_cols <= g->w && reach(g->oh, g->sh, g->kh, g->dh) <= g->h;
    p.in_place = inside && p.part == p.c && p.c % YL_VL == 0 && g->c <= PART;
    p.dy_in_place = g->oc <= PART;
    int64_t in_rows = reach(p.rows, g->sh, g->kh, g->dh);
    p.x_floats = p.in_place ? 0 : padded(p.images * in_rows * p.in_cols * yl__slab_pixel(p.part));
    p.dy_floats = p.dy_in_place ? 0 : padded(p.images * p.rows * g->ow * 2 * p.oc);
    return p;
}

static bool sums_apart(const yl_ctx *ctx, const plan *p)
{
    return p->private && ctx->threads > 1;
}

size_t YL_CPU(conv2d_direct_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    plan p = make_plan(ctx, g);
    return (size_t)ctx->threads * (size_t)(p.x_floats + p.dy_floats + (sums_apart(ctx, &p) ? padded(p.count) : 0)) *
           sizeof(float);
}

/* One block of pixels and a range of output channels, for one thread. */
typedef struct block {
    int64_t n0, n, i0, rows; /* images, rows of dy */
    int64_t o0, o1;          /* output channels, cut into `bands` */
    int64_t bands;
    const float *x, *dy; /* first channel of the group */
    float *x_copy, *dy_copy, *dw;
} block;

enum { BAND = 8 * YL_MR };

/* A matrix of pixels as the tile reads it: rows of a block at row[], `pixel` floats between its pixels. */
typedef struct pixels {
    const float *at;
    int64_t row[MAX_ROWS], pixel;
} pixels;

static int64_t band_start(const block *b, int64_t band)
{
    return b->o0 + (b->o1 - b->o0) * band / b->bands;
}

/* dy's channels [o, end): in place, or copied to band after band. */
static void view_dy(const plan *p, const block *b, int64_t o, int64_t end, float *copy, pixels *v)
{
    const yl_conv2d_geom *g = p->g;
    int64_t q = 0;
    v->pixel = p->dy_in_place ? g->oc : yl__slab_pixel(end - o);
    v->at = p->dy_in_place ? b->dy + o : copy;
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = 0; i < b->rows; i++, q++)
            v->row[q] = p->dy_in_place ? ((b->n0 + n) * g->oh + b->i0 + i) * g->ow * g->oc : q * g->ow * v->pixel;
}

static void copy_dy(const plan *p, const block *b, int64_t o, int64_t end, float *copy)
{
    const yl_conv2d_geom *g = p->g;
    yl__source s = {b->dy, g->oh, g->ow, g->oc};
    yl__block cut = {b->n0, b->n, b->i0, b->rows, 0, g->ow, o, end - o, yl__slab_pixel(end - o)};
    yl__slab_copy(&s, &cut, copy);
}

/* x's channels [k0, k0 + c) under the block's first tap. */
static void view_x(const plan *p, const block *b, int64_t k0, int64_t c, pixels *v, int64_t *row)
{
    const yl_conv2d_geom *g = p->g;
    int64_t in_rows = reach(b->rows, g->sh, g->kh, g->dh), q = 0;
    yl__source s = {b->x, g->h, g->w, g->c};
    yl__block cut = {b->n0, b->n, b->i0 * g->sh - g->pt,        in_rows, -g->pl, p->in_cols,
                     k0,    c,    yl__slab_pixel_in(p->part, c)};
    if (!p->in_place) yl__slab_copy(&s, &cut, b->x_copy);
    v->at = p->in_place ? b->x : b->x_copy;
    v->pixel = p->in_place ? g->c : cut.pixel;
    *row = (p->in_place ? g->w : p->in_cols) * v->pixel;
    for (int64_t n = 0; n < b->n; n++)
        for (int64_t i = 0; i < b->rows; i++, q++)
            v->row[q] = (p->in_place ? (b->n0 + n) * g->h + (b->i0 + i) * g->sh : n * in_rows + i * g->sh) * *row;
    v->pixel *= g->sw;
}

/* All taps of channels [k0, k0 + c): a row of taps at once where their channels follow each other in the copy. */
static void run_taps(yl__tile *t, const plan *p, const block *b, const pixels *x, int64_t row, int64_t k0, int64_t c,
                     int64_t o, int64_t end)
{
    const yl_conv2d_geom *g = p->g;
    int64_t pixel = x->pixel / g->sw;
    bool joined = pixel == c && c == p->c && g->dw == 1;
    int kj = joined ? 1 : g->kw;
    int64_t width = joined ? c * g->kw : c;
    for (int u = 0; u < g->kh; u++)
        for (int v = 0; v < kj; v++)
            for (int64_t j = 0; j < width; j += YL_NR) {
                t->b = x->at + u * g->dh * row + v * g->dw * pixel + j;
                t->cols = (int)least(width - j, YL_NR);
                t->c = b->dw + o * p->length + ((int64_t)u * g->kw + v) * p->c + k0 + j;
                tile(t, end - o);
            }
}

static void run_block(const plan *p, const block *b)
{
    int64_t pixels_in_block = b->n * b->rows * p->g->ow;
    for (int64_t k0 = 0; k0 < p->c; k0 += p->part) {
        int64_t c = least(p->c - k0, p->part), row;
        pixels x, dy;
        view_x(p, b, k0, c, &x, &row);
        float *copy = b->dy_copy;
        for (int64_t band = 0; band < b->bands; band++) {
            int64_t o = band_start(b, band), end = band_start(b, band + 1);
            view_dy(p, b, o, end, copy, &dy);
            if (k0 == 0 && !p->dy_in_place) copy_dy(p, b, o, end, copy);
            copy += pixels_in_block * dy.pixel;
            yl__tile t = {.a_run = dy.row,
                          .a = dy.at,
                          .b_run = x.row,
                          .a_row = 1,
                          .a_step = dy.pixel,
                          .b_step = x.pixel,
                          .runs = b->n * b->rows,
                          .length = p->g->ow,
                          .c_row = p->length,
                          .add = true};
            run_taps(&t, p, b, &x, row, k0, c, o, end);
        }
    }
}

/* Rows [from, to) of all images' rows of dy, a block at a time. */
static void run_rows(const plan *p, block *b, int64_t from, int64_t to)
{
    int64_t oh = p->g->oh;
    b->bands = (b->o1 - b->o0 + BAND - 1) / BAND;
    for (int64_t r = from; r < to && b->o1 > b->o0; r += b->n * b->rows) {
        b->n0 = r / oh, b->n = 1, b->i0 = r % oh;
        b->rows = least(least(oh - b->i0, p->rows), to - r);
        if (b->i0 == 0 && b->rows == oh && to - r > oh) b->n = least((to - r) / oh, p->images);
        run_block(p, b);
    }
}

static void run_group(const yl_ctx *ctx, const plan *p, const yl_conv2d_run *run, int64_t group)
{
    const yl_conv2d_geom *g = p->g;
    int64_t threads = ctx->threads, rows = g->n * g->oh, apart = sums_apart(ctx, p) ? padded(p->count) : 0;
    int64_t each = p->x_floats + p->dy_floats + apart;
    float *dw = run->dweight + group * p->count;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        float *scratch = (float *)run->scratch + t * (p->x_floats + p->dy_floats);
        block b = {.x = (const float *)run->x + group * p->c,
                   .dy = (const float *)run->dy + group * p->oc,
                   .x_copy = scratch,
                   .dy_copy = scratch + p->x_floats,
                   .dw = dw,
                   .o1 = p->oc};
        if (apart) {
            b.dw = (float *)run->scratch + threads * (each - apart) + t * apart;
            memset(b.dw, 0, (size_t)p->count * sizeof *b.dw);
        }
        if (p->private) {
            run_rows(p, &b, rows * t / threads, rows * (t + 1) / threads);
        } else {
            b.o0 = p->oc * t / threads, b.o1 = p->oc * (t + 1) / threads;
            run_rows(p, &b, 0, rows);
        }
    }
    if (apart) yl__add_sums(ctx, p->count, (float *)run->scratch + threads * (each - apart), apart, dw);
}

yl_status YL_CPU(conv2d_direct_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    plan p = make_plan(ctx, g);
    for (int64_t group = 0; group < g->groups; group++) run_group(ctx, &p, run, group);
    return YL_OK;
}
