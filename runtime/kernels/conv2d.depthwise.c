/* Depthwise convolution: every channel has a kernel of its own, so that channels are the vector's lanes in all
 * directions.
 *
 *   y[n,i,j,k] = sum over u, v of w[k,u,v] * x[n, i*sh - pt + u*dh, j*sw - pl + v*dw, k]
 *
 * Forward and backward data are one loop over a `pass`, as in conv2d.direct.c: some pixels of a row and a vector of
 * channels are summed in registers over the taps (conv2d.depthwise.tile.h). Only pixels at the left and right border have
 * fewer taps than their row has; they are summed one by one. */
#include "kernels/activation.formulas.h"
#include "kernels/axis.h"
#include "kernels/conv2d.depthwise.h"
#include "kernels/lanes.h"

enum { MAX_TAPS = 256, DW_PIXELS = 8, DW_COLUMNS = 40 };

/* Some pixels of a row of results; x and w are under the first tap that they have. */
typedef struct dw_tile {
    const float *x, *w;
    int64_t x_row, x_tap, x_pixel; /* floats between rows of taps, taps, and the first taps of neighbouring results */
    int64_t w_row, c;              /* floats between rows of taps, and between taps: the channels */
    int ki, kj;                    /* rows of taps, taps in each */
    int64_t count;                 /* pixels */
    float *y;
    int64_t y_pixel;
    bool add;          /* to what y holds; then act is linear */
    const float *bias; /* NULL: none */
    yl_activation act; /* linear, leaky or relu */
    float slope;
} dw_tile;

#if YL_VL >= 16
#define LANES 16
#include "kernels/conv2d.depthwise.tile.h"
#undef LANES
#endif
#if YL_VL >= 8
#define LANES 8
#include "kernels/conv2d.depthwise.tile.h"
#undef LANES
#endif
#define LANES 4
#include "kernels/conv2d.depthwise.tile.h"
#undef LANES
#define LANES 1
#include "kernels/conv2d.depthwise.tile.h"
#undef LANES

static void tile(const dw_tile *t)
{
    int64_t k = 0;
#if YL_VL >= 16
    k = tile_16(t, k);
#endif
#if YL_VL >= 8
    if (k < t->c) k = tile_8(t, k);
#endif
    if (k < t->c) k = tile_4(t, k);
    if (k < t->c) tile_1(t, k);
}

/* One convolution: result (i, j) of the grid = sum over taps (u, v) of
 * x[i * si + i0 + u * ti, j * sj + j0 + v * tj] * packed[u, v]. */
typedef struct pass {
    int64_t n, h, w, c; /* of x */
    const float *x;
    int64_t rows, cols, si, sj;
    int64_t i0, j0, ti, tj;
    int ki, kj;
    const float *packed;                 /* {ki, kj, c} */
    int64_t out_image, out_row, out_col; /* floats between images, rows and columns of the grid */
    float *out;
    bool add;
    const float *bias;
    yl_activation act;
    float slope;
} pass;

static bool supports(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    (void)ctx, (void)d;
    return g->dtype == YL_F32 && g->groups == g->c && g->oc == g->c && g->kh * g->kw <= MAX_TAPS;
}

static double cost(const yl_conv2d_geom *g, yl_direction d)
{
    (void)d;
    return yl_conv2d_work(g) * 2;
}

static size_t scratch_bytes(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? YL_CPU(conv2d_depthwise_weights_scratch)(ctx, g) : 0;
}

static size_t packed_bytes(const yl_conv2d_geom *g, yl_direction d)
{
    return d == YL_BACKWARD_WEIGHTS ? 0 : (size_t)(g->kh * g->kw * g->c) * sizeof(float);
}

static void pack_tap(const yl_conv2d_geom *g, int u, int v, const float *weight, const float *scale, float *to)
{
    int64_t taps = g->kh * g->kw;
    weight += u * g->kw + v;
    for (int64_t k = 0; k < g->c; k++) to[k] = weight[k * taps] * (scale ? scale[k] : 1.0f);
}

/* Forward: {u, v, k}. Backward data: the taps of each residue, in the order in which its pass has them. */
static yl_status pack(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const float *weight,
                      const float *scale, void *packed)
{
    (void)ctx;
    float *to = packed;
    if (d == YL_FORWARD) {
        for (int u = 0; u < g->kh; u++)
            for (int v = 0; v < g->kw; v++, to += g->c) pack_tap(g, u, v, weight, scale, to);
        return YL_OK;
    }
    for (int ri = 0; ri < g->sh; ri++)
        for (int rj = 0; rj < g->sw; rj++) {
            yl__axis a = yl__axis_of(g->kh, g->sh, g->dh, g->pt, ri), b = yl__axis_of(g->kw, g->sw, g->dw, g->pl, rj);
            for (int u = 0; u < a.count; u++)
                for (int v = 0; v < b.count; v++, to += g->c) pack_tap(g, a.u[u], b.u[v], weight, scale, to);
        }
    return YL_OK;
}

/* ---- one pass ---- */

typedef struct range {
    int64_t from, to;
} range;

/* The q in [0, count) whose q * step + first lies in [0, size). */
static range inside(int64_t count, int64_t step, int64_t first, int64_t size)
{
    range r = {0, count};
    if (step == 1) { /* as below, without dividing */
        r.from = first < 0 ? -first : 0, r.to = size - first < count ? size - first : count;
        return r.from < r.to ? r : (range){0, 0};
    }
    if (step == 0) return first >= 0 && first < size ? r : (range){0, 0};
    if (first < 0) r.from = (-first + step - 1) / step;
    if (first + (count - 1) * step >= size) r.to = first < size ? (size - 1 - first) / step + 1 : 0;
    return r.from < r.to ? r : (range){0, 0};
}

/* Columns [j, end) of a row, whose taps are those in v; `row` lies under the first row of taps. Some at a time: few
 * where a vector is half a cache line, whose other half is next. */
static void run_columns(const pass *p, dw_tile t, const float *row, const float *w, range v, int64_t j, int64_t end)
{
    float *out = t.y;
    t.kj = (int)(v.to - v.from), t.w = w + v.from * p->c;
    for (; j < end; j += t.count) {
        t.count = end - j < DW_COLUMNS ? end - j : DW_COLUMNS;
        t.x = row + (j * p->sj + p->j0 + v.from * p->tj) * p->c;
        t.y = out + j * p->out_col;
        tile(&t);
    }
}

/* The columns that have all taps of a row; they begin behind the last column where none has. */
static range whole_columns(const pass *p)
{
    range left = inside(p->cols, p->sj, p->j0, p->w), right = inside(p->cols, p->sj, p->j0 + (p->kj - 1) * p->tj, p->w);
    range whole = {left.from > right.from ? left.from : right.from, left.to < right.to ? left.to : right.to};
    return whole.from < whole.to ? whole : (range){p->cols, p->cols};
}

static void run_row(const pass *p, range whole, int64_t n, int64_t i)
{
    range u = inside(p->ki, p->ti, i * p->si + p->i0, p->h), all = {0, p->kj};
    const float *row = p->x + (n * p->h + i * p->si + p->i0 + u.from * p->ti) * p->w * p->c;
    const float *w = p->packed + u.from * p->kj * p->c;
    dw_tile t = {.x_row = p->ti * p->w * p->c,
                 .x_tap = p->tj * p->c,
                 .x_pixel = p->sj * p->c,
                 .w_row = p->kj * p->c,
                 .c = p->c,
                 .ki = (int)(u.to - u.from),
                 .y = p->out + n * p->out_image + i * p->out_row,
                 .y_pixel = p->out_col,
                 .add = p->add,
                 .bias = p->bias,
                 .act = p->act <= YL_ACT_relu ? p->act : YL_ACT_linear,
                 .slope = p->slope};
    for (int64_t j = 0; j < p->cols; j++) {
        if (j == whole.from) run_columns(p, t, row, w, all, j, whole.to), j = whole.to;
        if (j < p->cols) run_columns(p, t, row, w, inside(p->kj, p->tj, j * p->sj + p->j0, p->w), j, j + 1);
    }
    if (p->act > YL_ACT_relu)
        for (int64_t j = 0; j < p->cols; j++) yl__activate(p->act, p->slope, p->c, t.y + j * p->out_col);
}

static void run_pass(const yl_ctx *ctx, const pass *p)
{
    int64_t rows = p->n * p->rows;
    range whole = whole_columns(p);
    (void)ctx; /* unused without OpenMP */
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t r = 0; r < rows; r++) run_row(p, whole, r / p->rows, r % p->rows);
}

/* ---- directions ---- */

static void forward(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    pass p = {.n = g->n,
              .h = g->h,
              .w = g->w,
              .c = g->c,
              .x = run->x,
              .rows = g->oh,
              .cols = g->ow,
              .si = g->sh,
              .sj = g->sw,
              .i0 = -g->pt,
              .j0 = -g->pl,
              .ti = g->dh,
              .tj = g->dw,
              .ki = g->kh,
              .kj = g->kw,
              .packed = run->packed,
              .out_image = g->oh * g->ow * g->c,
              .out_row = g->ow * g->c,
              .out_col = g->c,
              .out = run->y,
              .bias = run->bias,
              .act = g->act,
              .slope = g->leaky_slope};
    run_pass(ctx, &p);
}

static void backward_data(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    const float *packed = run->packed;
    for (int ri = 0; ri < g->sh; ri++)
        for (int rj = 0; rj < g->sw; rj++) {
            yl__axis a = yl__axis_of(g->kh, g->sh, g->dh, g->pt, ri), b = yl__axis_of(g->kw, g->sw, g->dw, g->pl, rj);
            pass p = {.n = g->n,
                      .h = g->oh,
                      .w = g->ow,
                      .c = g->c,
                      .x = run->dy,
                      .rows = (g->h - ri + g->sh - 1) / g->sh,
                      .cols = (g->w - rj + g->sw - 1) / g->sw,
                      .si = 1,
                      .sj = 1,
                      .i0 = a.first,
                      .j0 = b.first,
                      .ti = a.step,
                      .tj = b.step,
                      .ki = a.count,
                      .kj = b.count,
                      .packed = packed,
                      .out_image = g->h * g->w * g->c,
                      .out_row = g->sh * g->w * g->c,
                      .out_col = g->sw * g->c,
                      .out = (float *)run->dx + (ri * g->w + rj) * g->c,
                      .add = run->beta != 0,
                      .act = YL_ACT_linear};
            run_pass(ctx, &p);
            packed += a.count * b.count * g->c;
        }
}

static yl_status run_depthwise(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_run *run)
{
    if (d == YL_FORWARD)
        forward(ctx, g, run);
    else if (d == YL_BACKWARD_DATA)
        backward_data(ctx, g, run);
    else
        YL_CPU(conv2d_depthwise_weights)(ctx, g, run);
    return YL_OK;
}

const yl_conv2d_algo YL_CPU(conv2d_depthwise) = {
    .name = "depthwise",
    .supports = supports,
    .cost = cost,
    .scratch_bytes = scratch_bytes,
    .packed_bytes = packed_bytes,
    .pack = pack,
    .run = run_depthwise,
};
