/* Winograd's minimal filtering F(3x3, 4x4) for the weights' gradient of a 3x3 convolution of stride 1 (Lavin & Gray
 * 2016, section 4.4): per tile, 36 multiplications where the definition takes 144; and F(3x3, 5x5) with 49 for 225.
 *
 *   dW[o, :, :, k] += A' [ sum over tiles of (G dy_o G') . (B' x_k B) ] A
 *
 * with x a 6x6 input tile, dy the 4x4 tile of gradients, and the points of the forward direction. For each of the places the sum over tiles is a matrix product Y' {oc, tiles} * X {tiles, c}; its result
 * is transformed back a block of channels at a time and never leaves the cache.
 *
 * conv2d.winograd.weights.c, conv2d.winograd5.weights.c and conv2d.winograd_bf16.weights.c include this: a slot of X and Y (kernels/factors.h) holds neighbouring tiles. */
#include "kernels/conv2d.winograd.h"
#include "kernels/slab.h"

YL__TILE_DEFINE(tile, true, 0)

enum { BAND = 8 * YL_MR, OWN_BYTES = 1536 << 10, SHARED_BYTES = 24 << 20, PRIVATE_BYTES = 2 << 20 };

typedef struct plan {
    const yl_conv2d_geom *g;
    int64_t tile_cols, per_image, tiles, chunk; /* chunk: tiles at a time, whole slots */
    int64_t x_row, y_row, x_plane, y_plane;     /* of tiles in X and Y, and of a place */
    int64_t bands, panels;
    int64_t weights;
    bool private; /* threads take chunks of tiles and have sums of their own; else they share chunks, and split the
                     weights */
    int64_t tiles_floats, block_floats; /* of X and Y; of a block of products */
} plan;

static int64_t ceiling(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

static plan make_plan(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    plan p = {.g = g, .tile_cols = ceiling(g->ow, YL_OUT), .weights = 9 * g->c * g->oc};
    p.per_image = ceiling(g->oh, YL_OUT) * p.tile_cols, p.tiles = g->n * p.per_image;
    p.x_row = yl__slab_pixel(yl__rounded(g->c, YL_NR)), p.y_row = yl__slab_pixel(yl__rounded(g->oc, YL_VL));
    p.bands = ceiling(g->oc, BAND), p.panels = ceiling(g->c, YL_NR);
    p.private = p.weights * (int64_t)sizeof(float) <= PRIVATE_BYTES;
    int64_t teams = p.private ? ctx->threads : 1, each = ceiling(p.tiles, teams);
    int64_t per_tile = YL_PLACES * (p.x_row + p.y_row) * (int64_t)sizeof(float);
    int64_t most = (p.private ? OWN_BYTES : SHARED_BYTES) / per_tile * YL_PAIR;
    most = most < 16 ? 16 : most;
    p.chunk = yl__rounded(ceiling(each, ceiling(each, most)), YL_PAIR);
    p.x_plane = yl__slots(p.chunk) * p.x_row + 16, p.y_plane = yl__slots(p.chunk) * p.y_row + 16;
    p.tiles_floats = yl__rounded(YL_PLACES * (p.x_plane + p.y_plane), 16);
    p.block_floats = YL_PLACES * BAND * YL_NR;
    return p;
}

static bool sums_apart(const yl_ctx *ctx, const plan *p)
{
    return p->private && ctx->threads > 1;
}

size_t YL__WINOGRAD(_weights_scratch)(const yl_ctx *ctx, const yl_conv2d_geom *g)
{
    plan p = make_plan(ctx, g);
    int64_t each = p.block_floats + (sums_apart(ctx, &p) ? p.tiles_floats + yl__rounded(p.weights, 16) : 0);
    return (size_t)(each * ctx->threads + (sums_apart(ctx, &p) ? 0 : p.tiles_floats)) * sizeof(float);
}

/* G dy G' of channels from o on of the tile at (i, j) of image n; pixels outside the image are zero. */
YL__INLINE void gradient_places(const yl_conv2d_geom *g, const float *dy, int64_t n, int64_t i, int64_t j, int64_t o,
                                yl__vec y[YL_PLACES])
{
    int64_t rows = g->oh - i < YL_OUT ? g->oh - i : YL_OUT, cols = g->ow - j < YL_OUT ? g->ow - j : YL_OUT;
    const float *from = dy + ((n * g->oh + i) * g->ow + j) * g->oc + o;
    yl__vec d[YL_OUT * YL_OUT], t[YL_OUT * YL_SIDE];
    for (int u = 0; u < YL_OUT; u++)
        for (int v = 0; v < YL_OUT; v++) {
            const float *at = from + (u * g->ow + v) * g->oc;
            bool inside = u < rows && v < cols;
            d[YL_OUT * u + v] = !inside              ? (yl__vec){0}
                                : g->oc - o >= YL_VL ? *(const yl__vec *)at
                                                     : yl__load_some(at, g->oc - o);
        }
    for (int v = 0; v < YL_OUT; v++) yl__transform_factor(d + v, YL_OUT, YL_OUT, t + v, YL_OUT);
    for (int u = 0; u < YL_SIDE; u++) yl__transform_factor(t + YL_OUT * u, 1, YL_OUT, y + YL_SIDE * u, 1);
}

/* dw[tap][0..count) += A' M A for one output channel and one vector of input channels. */
static void add_kernel(const float *m, int64_t c, int64_t count, float *dw)
{
    yl__vec s[YL_PLACES], t[3 * YL_SIDE], w[9];
    for (int xi = 0; xi < YL_PLACES; xi++) s[xi] = *(const yl__vec *)(m + xi * BAND * YL_NR);
    for (int v = 0; v < YL_SIDE; v++) yl__transform_back(s + v, YL_SIDE, 3, t + v, YL_SIDE);
    for (int u = 0; u < 3; u++) yl__transform_back(t + YL_SIDE * u, 1, 3, w + 3 * u, 1);
    for (int q = 0; q < 9; q++) {
        float *to = dw + q * c;
        if (count >= YL_VL)
            *(yl__vec *)to += w[q];
        else
            for (int64_t l = 0; l < count; l++) to[l] += ((const float *)&w[q])[l];
    }
}

/* The weights between a band of output channels and a panel of input channels, from `tiles` tiles. */
static void run_block(const plan *p, int64_t band, int64_t panel, int64_t tiles, const float *x, const float *y,
                      float *block, float *dw)
{
    const int64_t zero = 0;
    int64_t oc = p->g->oc, c = p->g->c, o = oc * band / p->bands, count = oc * (band + 1) / p->bands - o;
    int64_t k = panel * YL_NR;
    yl__tile t = {.a_run = &zero,
                  .b_run = &zero,
                  .a_row = 1,
                  .a_step = p->y_row,
                  .b_step = p->x_row,
                  .runs = 1,
                  .length = yl__slots(tiles),
                  .c_row = YL_NR,
                  .cols = c - k > YL_VL ? YL_NR : YL_VL};
    for (int64_t xi = 0; xi < YL_PLACES; xi++) {
        t.a = y + xi * p->y_plane + o, t.b = x + xi * p->x_plane + k, t.c = block + xi * BAND * YL_NR;
        tile(&t, count);
    }
    for (int64_t i = 0; i < count; i++)
        for (int64_t v = 0; v < t.cols; v += YL_VL)
            add_kernel(block + i * YL_NR + v, c, c - k - v, dw + (o + i) * 9 * c + k + v);
}

/* Where tile `index` lies: image n, first row and column. */
typedef struct place {
    int64_t n, i, j;
} place;

static place place_of(const plan *p, int64_t index)
{
    int64_t at = index % p->per_image;
    return (place){index / p->per_image, at / p->tile_cols * YL_OUT, at % p->tile_cols * YL_OUT};
}

/* The tiles of a slot; one behind the last tile counts as zeros. */
typedef struct slot {
    int count;
    bool inside; /* all of them lie inside the image */
    place at[YL_PAIR];
} slot;

static slot slot_of(const plan *p, const yl__picture *in, int64_t index, int64_t end)
{
    slot s = {.count = end - index < YL_PAIR ? (int)(end - index) : YL_PAIR, .inside = true};
    for (int q = 0; q < YL_PAIR; q++) {
        s.at[q] = place_of(p, q < s.count ? index + q : index);
        s.inside = s.inside && yl__tile_inside(in, s.at[q].i - p->g->pt, s.at[q].j - p->g->pl);
    }
    return s;
}

YL__INLINE void store_slots(const slot *s, yl__vec places[YL_PAIR][YL_PLACES], float *to, int64_t plane)
{
    for (int q = 1; q < YL_PAIR; q++)
        for (int xi = 0; q >= s->count && xi < YL_PLACES; xi++) places[q][xi] = (yl__vec){0};
    for (int xi = 0; xi < YL_PLACES; xi++) *(yl__vec *)(to + xi * plane) = yl__slot(&places[0][xi], YL_PLACES);
}

YL__INLINE void input_vector(const plan *p, const yl__picture *in, const slot *s, int64_t k, const bool whole, float *x)
{
    yl__vec places[YL_PAIR][YL_PLACES];
    for (int q = 0; q < YL_PAIR; q++)
        yl__input_vector(in, s->at[q].n, s->at[q].i - p->g->pt, s->at[q].j - p->g->pl, k, whole, places[q]);
    store_slots(s, places, x + k, p->x_plane);
}

/* One slot of X and Y: the tiles from `index` on. */
static void transform_tiles(const plan *p, const yl_conv2d_run *run, int64_t index, int64_t end, float *x, float *y)
{
    const yl_conv2d_geom *g = p->g;
    yl__picture in = {run->x, g->h, g->w, g->c};
    slot s = slot_of(p, &in, index, end);
    for (int64_t k = 0; k < g->c; k += YL_VL)
        if (s.inside && g->c - k >= YL_VL)
            input_vector(p, &in, &s, k, true, x);
        else
            input_vector(p, &in, &s, k, false, x);
    for (int64_t o = 0; o < g->oc; o += YL_VL) {
        yl__vec places[YL_PAIR][YL_PLACES];
        for (int q = 0; q < YL_PAIR; q++) gradient_places(g, run->dy, s.at[q].n, s.at[q].i, s.at[q].j, o, places[q]);
        store_slots(&s, places, y + o, p->y_plane);
    }
}

/* Tiles [from, to) by one thread. */
static void run_alone(const plan *p, const yl_conv2d_run *run, int64_t from, int64_t to, float *tiles, float *block,
                      float *dw)
{
    float *x = tiles, *y = tiles + YL_PLACES * p->x_plane;
    for (int64_t t = from, s = 0; t < to; t += YL_PAIR, s++)
        transform_tiles(p, run, t, to, x + s * p->x_row, y + s * p->y_row);
    for (int64_t q = 0; q < p->bands * p->panels; q++)
        run_block(p, q / p->panels, q % p->panels, to - from, x, y, block, dw);
}

static void run_private(const yl_ctx *ctx, const plan *p, const yl_conv2d_run *run)
{
    int64_t threads = ctx->threads, each = p->tiles_floats + p->block_floats, apart = yl__rounded(p->weights, 16);
    float *sums = (float *)run->scratch + threads * each;
#pragma omp parallel for num_threads(ctx->threads) schedule(static)
    for (int64_t t = 0; t < threads; t++) {
        float *own = (float *)run->scratch + t * each, *dw = threads > 1 ? sums + t * apart : run->dweight;
        int64_t from = p->tiles * t / threads, to = p->tiles * (t + 1) / threads;
        if (threads > 1) memset(dw, 0, (size_t)p->weights * sizeof *dw);
        for (int64_t q = from; q < to; q += p->chunk)
            run_alone(p, run, q, q + p->chunk < to ? q + p->chunk : to, own, own + p->tiles_floats, dw);
    }
    if (threads > 1) yl__add_sums(ctx, p->weights, sums, apart, run->dweight);
}

static void run_shared(const yl_ctx *ctx, const plan *p, const yl_conv2d_run *run)
{
    int64_t threads = ctx->threads, blocks = p->bands * p->panels;
    float *x = (float *)run->scratch + threads * p->block_floats, *y = x + YL_PLACES * p->x_plane;
    for (int64_t from = 0; from < p->tiles; from += p->chunk) {
        int64_t to = from + p->chunk < p->tiles ? from + p->chunk : p->tiles;
#pragma omp parallel num_threads(ctx->threads)
        {
#pragma omp for schedule(static)
            for (int64_t s = 0; s < yl__slots(to - from); s++)
                transform_tiles(p, run, from + s * YL_PAIR, to, x + s * p->x_row, y + s * p->y_row);
#pragma omp for schedule(static)
            for (int64_t t = 0; t < threads; t++)
                for (int64_t q = blocks * t / threads; q < blocks * (t + 1) / threads; q++)
                    run_block(p, q / p->panels, q % p->panels, to - from, x, y,
                              (float *)run->scratch + t * p->block_floats, run->dweight);
        }
    }
}

yl_status YL__WINOGRAD(_weights)(const yl_ctx *ctx, const yl_conv2d_geom *g, const yl_conv2d_run *run)
{
    plan p = make_plan(ctx, g);
    if (p.private)
        run_private(ctx, &p, run);
    else
        run_shared(ctx, &p, run);
    return YL_OK;
}
