/* Every convolution algorithm, in every direction that it supports, against the definition written out in double
 * precision; those of bf16, against the definition with factors that were rounded to it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bf16.h"
#include "core/rng.h"
#include "backend/device.h"
#include "core/threads.h"
#include "kernels/kernels.h"

static yl_ctx ctx;
static const yl_conv2d_algo *const *algorithms;

/* Which algorithms of algorithms.def some case has run. */
enum {
#define A(name) RUN_##name,
#include "kernels/algorithms.def"
#undef A
    ALGORITHMS
};
static int ran[ALGORITHMS];

static void note_run(const char *algorithm)
{
    static const char *const names[] = {
#define A(name) #name,
#include "kernels/algorithms.def"
#undef A
    };
    for (int i = 0; i < ALGORITHMS; i++)
        if (strcmp(names[i], algorithm) == 0) ran[i]++;
}

static int setup(void **state)
{
    (void)state;
    yl_device *device;
    yl_set_threads(2);
    if (yl_device_get("cpu", &device)) return 1;
    ctx = yl__ctx(device);
    return ctx.device->kernels->conv2d_algorithms(&algorithms) != YL_OK;
}

static float *fill(yl_rng *rng, int64_t n)
{
    float *a = malloc((size_t)n * sizeof *a);
    for (int64_t i = 0; i < n; i++) a[i] = (float)yl_rng_range(rng, -1, 1);
    return a;
}

/* A copy whose numbers are rounded to bf16. */
static float *rounded(int64_t n, const float *a)
{
    float *b = malloc((size_t)n * sizeof *b);
    for (int64_t i = 0; i < n; i++) b[i] = yl_of_bf16(yl_to_bf16(a[i]));
    return b;
}

static bool multiplies_bf16(const yl_conv2d_algo *a)
{
    return strstr(a->name, "bf16") != NULL;
}

static bool device_multiplies_bf16(void)
{
    return ctx.device->factors >> YL_BF16 & 1;
}

static double act(const yl_conv2d_geom *g, double v)
{
    switch (g->act) {
    case YL_ACT_leaky:
        return v > 0 ? v : g->leaky_slope * v;
    case YL_ACT_relu:
        return v > 0 ? v : 0;
    case YL_ACT_logistic:
        return 1 / (1 + exp(-v));
    case YL_ACT_swish:
        return v / (1 + exp(-v));
    case YL_ACT_mish:
        return v * tanh(log1p(exp(v)));
    default:
        return v;
    }
}

/* Calls visit(output index, weight index, input index) for every product in the definition. */
typedef struct sums {
    const float *x, *w, *dy;
    double *y, *dx, *dw;
} sums;

static void convolve(const yl_conv2d_geom *g, sums *s)
{
    int64_t cg = g->c / g->groups, og = g->oc / g->groups, out = 0;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t i = 0; i < g->oh; i++)
            for (int64_t j = 0; j < g->ow; j++)
                for (int64_t o = 0; o < g->oc; o++, out++)
                    for (int64_t u = 0; u < g->kh; u++)
                        for (int64_t v = 0; v < g->kw; v++) {
                            int64_t a = i * g->sh - g->pt + u * g->dh, b = j * g->sw - g->pl + v * g->dw;
                            if (a < 0 || a >= g->h || b < 0 || b >= g->w) continue;
                            for (int64_t k = 0; k < cg; k++) {
                                int64_t in = ((n * g->h + a) * g->w + b) * g->c + o / og * cg + k;
                                int64_t at = ((o * g->kh + u) * g->kw + v) * cg + k;
                                s->y[out] += (double)s->w[at] * s->x[in];
                                s->dx[in] += (double)s->w[at] * s->dy[out];
                                s->dw[at] += (double)s->x[in] * s->dy[out];
                            }
                        }
}

typedef struct operands {
    int64_t nx, ny, nw;
    float *x, *w, *dy, *bias, *scale, *out;
    double *y, *dx, *dw;
} operands;

static void compare(const yl_conv2d_geom *g, const char *what, int64_t n, const float *got, const double *want,
                    double reach)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabs(got[i] - want[i]) <= reach * (1 + fabs(want[i])))) {
            fail_msg("%s of n%lld %lldx%lldx%lld -> %lldx%lldx%lld k%dx%d s%d,%d d%d,%d g%d p%d,%d: [%lld] is %.9g, "
                     "expected %.9g",
                     what, (long long)g->n, (long long)g->h, (long long)g->w, (long long)g->c, (long long)g->oh,
                     (long long)g->ow, (long long)g->oc, g->kh, g->kw, g->sh, g->sw, g->dh, g->dw, g->groups, g->pt,
                     g->pl, (long long)i, got[i], want[i]);
        }
}

/* Winograd's factors are rounded after their transform: bf16_error has the bound of that. */
static double reach_of(const yl_conv2d_algo *a)
{
    return !strstr(a->name, "winograd") ? 2e-5 : multiplies_bf16(a) ? .15 : 2e-4;
}

static void check_direction(const yl_conv2d_geom *g, const yl_conv2d_algo *a, yl_direction d, const operands *q,
                            float beta, const float *scale)
{
    int64_t counts[] = {q->ny, q->nx, q->nw}, n = counts[d], og = q->ny / (g->n * g->oh * g->ow), k = q->nw / og;
    double *want = malloc((size_t)n * sizeof *want), reach = reach_of(a);
    reach *= sqrt((double)(d == YL_FORWARD         ? k
                           : d == YL_BACKWARD_DATA ? k * g->oc / g->c
                                                   : g->n * g->oh * g->ow)) /
                 4 +
             1;
    for (int64_t i = 0; i < n; i++) {
        if (d == YL_FORWARD) want[i] = act(g, q->y[i] * (scale ? scale[i % og] : 1) + q->bias[i % og]);
        if (d == YL_BACKWARD_DATA) want[i] = (beta != 0 ? beta * q->out[i] : 0) + q->dx[i];
        if (d == YL_BACKWARD_WEIGHTS) want[i] = q->out[i] + q->dw[i];
    }
    size_t scratch = a->scratch_bytes(&ctx, g, d), packed = a->packed_bytes(g, d);
    if (scale && !packed) packed = (size_t)q->nw * sizeof(float);
    void *s = aligned_alloc(64, scratch / 64 * 64 + 128), *w = aligned_alloc(64, packed / 64 * 64 + 128);
    memset(s, 0xff, scratch + 64), memset(w, 0xff, packed + 64); /* NaNs: what is read must have been written */
    float *got = malloc((size_t)n * sizeof *got);
    for (int64_t i = 0; i < n; i++)
        got[i] = d == YL_BACKWARD_WEIGHTS || (d == YL_BACKWARD_DATA && beta != 0) ? q->out[i] : NAN;
    yl_conv2d_run run = {.x = q->x,
                         .dy = q->dy,
                         .packed = packed ? w : q->w,
                         .bias = q->bias,
                         .scratch = s,
                         .beta = beta,
                         .y = got,
                         .dx = got,
                         .dweight = got};
    if (packed) assert_int_equal(a->pack(&ctx, g, d, q->w, scale, w), YL_OK);
    assert_int_equal(a->run(&ctx, g, d, &run), YL_OK);
    static const char *const names[] = {"forward", "data", "weights"};
    char what[64];
    snprintf(what, sizeof what, "%s %s", a->name, names[d]);
    compare(g, what, n, got, want, reach);
    for (int i = 0; i < 64; i++) assert_int_equal(((unsigned char *)s)[scratch + (size_t)i], 0xff);
    for (int i = 0; i < 64; i++) assert_int_equal(((unsigned char *)w)[packed + (size_t)i], 0xff);
    free(want), free(got), free(s), free(w);
}

/* Which weights check() sets to zero. */
enum { NO_ZEROS, RANDOM, TWO_OF_FOUR, ROWS, ONE_ROW_LEFT, ALL_ZEROS, PATTERNS };

static bool is_zero(int pattern, yl_rng *rng, int64_t i, int64_t row)
{
    switch (pattern) {
    case RANDOM:
        return yl_rng_below(rng, 100) < 90;
    case TWO_OF_FOUR:
        return i % 4 >= 2;
    case ROWS:
        return i / row % 3 != 1;
    case ONE_ROW_LEFT:
        return i / row != 2;
    default:
        return pattern == ALL_ZEROS;
    }
}

/* Sets weights to zero; returns their share in percent, rounded down. */
static int32_t set_zeros(int pattern, yl_rng *rng, int64_t n, int64_t row, float *w)
{
    int64_t zeros = 0;
    for (int64_t i = 0; i < n; i++) {
        if (is_zero(pattern, rng, i, row)) w[i] = 0;
        zeros += w[i] == 0;
    }
    return (int32_t)(zeros * 100 / n);
}

/* The algorithms that multiply f32, or those that multiply bf16. */
static void check_algorithms(const yl_conv2d_geom *g, operands *q, bool bf16)
{
    float *x = bf16 ? rounded(q->nx, q->x) : q->x, *w = bf16 ? rounded(q->nw, q->w) : q->w;
    float *dy = bf16 ? rounded(q->ny, q->dy) : q->dy;
    q->y = calloc((size_t)q->ny, 8), q->dx = calloc((size_t)q->nx, 8), q->dw = calloc((size_t)q->nw, 8);
    convolve(g, &(sums){x, w, dy, q->y, q->dx, q->dw});
    for (const yl_conv2d_algo *const *a = algorithms; *a; a++) {
        if (multiplies_bf16(*a) != bf16) continue;
        if ((*a)->supports(&ctx, g, YL_FORWARD)) {
            note_run((*a)->name);
            check_direction(g, *a, YL_FORWARD, q, 0, NULL);
            check_direction(g, *a, YL_FORWARD, q, 0, q->scale);
        }
        if ((*a)->supports(&ctx, g, YL_BACKWARD_DATA)) {
            check_direction(g, *a, YL_BACKWARD_DATA, q, 0, NULL);
            check_direction(g, *a, YL_BACKWARD_DATA, q, 1, NULL);
        }
        if ((*a)->supports(&ctx, g, YL_BACKWARD_WEIGHTS)) check_direction(g, *a, YL_BACKWARD_WEIGHTS, q, 1, NULL);
    }
    free(q->y), free(q->dx), free(q->dw);
    if (bf16) free(x), free(w), free(dy);
}

static void check_pattern(const yl_conv2d_geom *shape, int pattern)
{
    yl_conv2d_geom own = *shape, *g = &own;
    yl_rng rng = yl_rng_make(7, (uint32_t)g->c, (uint32_t)g->oc);
    operands q = {.nx = g->n * g->h * g->w * g->c,
                  .ny = g->n * g->oh * g->ow * g->oc,
                  .nw = g->oc * g->kh * g->kw * (g->c / g->groups)};
    int64_t most = q.nx > q.ny ? q.nx : q.ny;
    most = most > q.nw ? most : q.nw;
    q.x = fill(&rng, q.nx), q.w = fill(&rng, q.nw), q.dy = fill(&rng, q.ny), q.out = fill(&rng, most);
    q.bias = fill(&rng, g->oc), q.scale = fill(&rng, g->oc);
    g->zeros = set_zeros(pattern, &rng, q.nw, q.nw / g->oc, q.w);
    check_algorithms(g, &q, false);
    for (int64_t i = 0; i < g->oc; i++) q.scale[i] = i % 2 ? -2 : .5f; /* which leave the rounding as it is */
    g->bf16 = true;
    if (device_multiplies_bf16()) check_algorithms(g, &q, true);
    free(q.x), free(q.w), free(q.dy), free(q.out), free(q.bias), free(q.scale);
}

static void check(const yl_conv2d_geom *g)
{
    check_pattern(g, NO_ZEROS);
}

/* A geometry from sizes; the output's size follows. */
static yl_conv2d_geom make(int64_t n, int64_t h, int64_t w, int64_t c, int64_t oc, int32_t k, int32_t s, int32_t p,
                           int32_t d, int32_t groups)
{
    return (yl_conv2d_geom){.n = n,
                            .h = h,
                            .w = w,
                            .c = c,
                            .oc = oc,
                            .kh = k,
                            .kw = k,
                            .sh = s,
                            .sw = s,
                            .pt = p,
                            .pl = p,
                            .dh = d,
                            .dw = d,
                            .groups = groups,
                            .oh = (h + 2 * p - d * (k - 1) - 1) / s + 1,
                            .ow = (w + 2 * p - d * (k - 1) - 1) / s + 1,
                            .dtype = YL_F32,
                            .act = YL_ACT_leaky,
                            .leaky_slope = .1f};
}

static void named_shapes(void **state)
{
    (void)state;
    yl_conv2d_geom shapes[] = {
        make(1, 1, 1, 1, 1, 1, 1, 0, 1, 1),     make(2, 5, 7, 3, 4, 3, 1, 1, 1, 1),
        make(1, 9, 6, 5, 33, 3, 2, 1, 1, 1),    make(3, 7, 7, 8, 16, 3, 2, 0, 1, 1),
        make(2, 13, 13, 40, 70, 3, 1, 1, 1, 1), make(1, 1, 1, 17, 9, 3, 1, 1, 1, 1),
        make(1, 12, 10, 6, 8, 3, 1, 2, 2, 2),   make(2, 8, 9, 16, 16, 3, 1, 1, 1, 16),
        make(2, 8, 9, 24, 24, 3, 2, 1, 1, 24),  make(1, 9, 11, 20, 20, 5, 1, 2, 1, 20),
        make(1, 11, 9, 7, 7, 5, 2, 2, 1, 7),    make(2, 6, 5, 32, 48, 1, 1, 0, 1, 1),
        make(1, 8, 8, 12, 18, 1, 2, 0, 1, 3),   make(1, 7, 8, 4, 4, 2, 1, 1, 1, 1),
        make(2, 4, 4, 3, 16, 3, 1, 1, 1, 1),    make(1, 33, 37, 3, 16, 3, 1, 1, 1, 1),
        make(1, 30, 31, 16, 32, 3, 1, 1, 1, 1), make(1, 14, 14, 64, 32, 1, 1, 0, 1, 1),
        make(1, 3, 40, 2, 5, 7, 2, 3, 1, 1),    make(1, 5, 4, 6, 12, 3, 1, 1, 1, 6),
        make(4, 13, 13, 33, 65, 1, 1, 0, 1, 1), make(1, 6, 6, 5, 6, 1, 1, 1, 1, 1),
        make(1, 17, 5, 18, 18, 3, 1, 3, 3, 18), make(1, 6, 50, 300, 34, 3, 1, 1, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* Channels that are taken in parts of which the last is shorter, and its pixels farther apart if they were all that is copied. */
static void uneven_parts(void **state)
{
    (void)state;
    yl_conv2d_geom shapes[] = {
        make(1, 3, 4, 129, 129, 3, 1, 1, 1, 1), make(2, 3, 3, 161, 8, 3, 1, 1, 1, 1),
        make(1, 4, 3, 257, 257, 1, 1, 0, 1, 1), make(2, 3, 5, 8, 161, 3, 2, 1, 1, 1),
        make(1, 5, 4, 385, 9, 3, 1, 1, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* Winograd's method where weights are transformed for each chunk of tiles: several chunks, and fewer panels of outputs than threads. */
static void large_weights(void **state)
{
    (void)state;
    yl_conv2d_geom shapes[] = {make(1, 7, 9, 211, 213, 3, 1, 1, 1, 1), make(1, 20, 25, 4013, 5, 3, 1, 1, 1, 1)};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i]);
}

/* Depthwise: rows of pixels that are tiles of 8, 4, 2 and 1 and borders; channels that are whole vectors, a last vector that
 * begins earlier, or fewer than a vector; kernels with and without a loop of their own; wider than the picture. */
static void depthwise_shapes(void **state)
{
    (void)state;
    static const int32_t kernels[][4] = {{3, 1, 1, 1}, {3, 2, 1, 1}, {5, 1, 2, 1}, {5, 2, 2, 1}, {7, 1, 3, 1},
                                         {3, 3, 1, 1}, {3, 1, 2, 2}, {3, 1, 0, 1}, {2, 2, 0, 1}, {1, 2, 0, 1}};
    static const int32_t channels[] = {2, 8, 11, 24};
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        for (size_t k = 0; k < sizeof channels / sizeof *channels; k++) {
            const int32_t *q = kernels[i], c = channels[k];
            yl_conv2d_geom wide = make(1, 7, 21, c, c, q[0], q[1], q[2], q[3], c);
            check(&wide);
        }
    yl_conv2d_geom less = make(1, 2, 2, 9, 9, 7, 1, 3, 1, 9), other = make(1, 6, 34, 16, 16, 3, 1, 1, 1, 16);
    other.act = YL_ACT_relu, less.act = YL_ACT_swish;
    check(&less), check(&other);
}

/* Weights of which most are zero, in every pattern: several panels of taps and channels, channels and pixels that are no whole vectors,
 * few pixels and many; what an algorithm packs has to fit what it asked for. */
static void sparse_weights(void **state)
{
    (void)state;
    yl_conv2d_geom shapes[] = {
        make(1, 13, 13, 37, 70, 3, 1, 1, 1, 1), make(2, 9, 7, 130, 33, 1, 1, 0, 1, 1),
        make(1, 21, 60, 16, 9, 3, 2, 1, 1, 1),  make(3, 5, 5, 5, 3, 5, 1, 2, 1, 1),
        make(1, 30, 50, 7, 20, 3, 1, 2, 2, 1),  make(1, 1, 1, 64, 40, 1, 1, 0, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int pattern = 0; pattern < PATTERNS; pattern++) check_pattern(&shapes[i], pattern);
}

/* Every activation of the epilogue, and sides that differ in everything. */
static void uneven_shapes(void **state)
{
    (void)state;
    yl_conv2d_geom g = {.n = 2,
                        .h = 11,
                        .w = 14,
                        .c = 6,
                        .oc = 10,
                        .kh = 3,
                        .kw = 5,
                        .sh = 2,
                        .sw = 1,
                        .pt = 0,
                        .pl = 3,
                        .dh = 2,
                        .dw = 1,
                        .groups = 2,
                        .oh = 4,
                        .ow = 13,
                        .dtype = YL_F32,
                        .leaky_slope = .1f};
    for (int a = 0; a <= YL_ACT_mish; a++) {
        g.act = (yl_activation)a;
        check(&g);
        yl_conv2d_geom plain = make(1, 9, 9, 8, 12, 3, 1, 1, 1, 1), depthwise = make(1, 9, 9, 12, 12, 3, 1, 1, 1, 12);
        plain.act = depthwise.act = (yl_activation)a;
        check(&plain), check(&depthwise);
    }
}

static void random_shapes(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(11, 0, 0);
    for (int i = 0; i < 60; i++) {
        int32_t groups = (int32_t)(yl_rng_below(&rng, 3) ? 1 : 1 + yl_rng_below(&rng, 4));
        bool depthwise = yl_rng_below(&rng, 4) == 0;
        int64_t c = groups * (1 + yl_rng_below(&rng, 20)), oc = groups * (1 + yl_rng_below(&rng, 40));
        int32_t k = (int32_t)(1 + yl_rng_below(&rng, 5)), s = (int32_t)(1 + yl_rng_below(&rng, 3));
        int32_t d = (int32_t)(1 + yl_rng_below(&rng, 2)), p = (int32_t)yl_rng_below(&rng, (k - 1) * d + 1);
        int64_t h = (k - 1) * d + 1 + yl_rng_below(&rng, 14), w = (k - 1) * d + 1 + yl_rng_below(&rng, 30);
        yl_conv2d_geom g =
            make(1 + yl_rng_below(&rng, 3), h, w, c, depthwise ? c : oc, k, s, p, d, depthwise ? (int32_t)c : groups);
        check(&g);
    }
}

/* The `count` results of one direction, without a bias, added to nothing. */
static float *run_once(const yl_conv2d_algo *a, const yl_conv2d_geom *g, yl_direction d, const float *x,
                       const float *dy, const float *w, int64_t count)
{
    size_t scratch = a->scratch_bytes(&ctx, g, d), packed = a->packed_bytes(g, d);
    void *s = aligned_alloc(64, scratch / 64 * 64 + 64), *p = aligned_alloc(64, packed / 64 * 64 + 64);
    float *out = calloc((size_t)count, sizeof(float));
    yl_conv2d_run run = {.x = x, .dy = dy, .packed = packed ? p : w, .scratch = s, .y = out, .dx = out, .dweight = out};
    if (packed) assert_int_equal(a->pack(&ctx, g, d, w, NULL, p), YL_OK);
    assert_int_equal(a->run(&ctx, g, d, &run), YL_OK);
    free(s), free(p);
    return out;
}

/* What algorithms that round factors to bf16 add to the error of f32, as a share of the result's root mean square: a product of two
 * rounded numbers is off by .24 % of itself in the mean; Winograd's transforms of 256 channels make 1.1 % of it (conv2d.winograd.h). */
static void bf16_error(void **state)
{
    (void)state;
    if (!device_multiplies_bf16()) skip();
    yl_conv2d_geom g = make(1, 16, 16, 128, 64, 3, 1, 1, 1, 1);
    yl_rng rng = yl_rng_make(9, 0, 0);
    int64_t nx = g.n * g.h * g.w * g.c, ny = g.n * g.oh * g.ow * g.oc, nw = g.oc * 9 * g.c, counts[] = {ny, nx, nw};
    float *x = fill(&rng, nx), *dy = fill(&rng, ny), *w = fill(&rng, nw);
    double *want[] = {calloc((size_t)ny, 8), calloc((size_t)nx, 8), calloc((size_t)nw, 8)};
    convolve(&g, &(sums){x, w, dy, want[YL_FORWARD], want[YL_BACKWARD_DATA], want[YL_BACKWARD_WEIGHTS]});
    g.bf16 = true, g.act = YL_ACT_linear;
    for (const yl_conv2d_algo *const *a = algorithms; *a; a++)
        for (int d = 0; d < YL_DIRECTIONS; d++) {
            if (!multiplies_bf16(*a) || !(*a)->supports(&ctx, &g, (yl_direction)d)) continue;
            float *got = run_once(*a, &g, (yl_direction)d, x, dy, w, counts[d]);
            double off = 0, all = 0;
            for (int64_t i = 0; i < counts[d]; i++) {
                off += (got[i] - want[d][i]) * (got[i] - want[d][i]);
                all += want[d][i] * want[d][i];
            }
            double share = sqrt(off / all), most = strstr((*a)->name, "winograd") ? .0125 : .0026;
            if (!(share > most / 4 && share < most))
                fail_msg("%s, direction %d: an error of %.4f, expected up to %.4f", (*a)->name, d, share, most);
            free(got);
        }
    for (int d = 0; d < YL_DIRECTIONS; d++) free(want[d]);
    free(x), free(dy), free(w);
}

/* The same call twice gives the same bits. */
static void repeats(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(3, 15, 17, 20, 36, 3, 1, 1, 1, 1);
    g.bf16 = device_multiplies_bf16();
    yl_rng rng = yl_rng_make(3, 0, 0);
    int64_t nx = g.n * g.h * g.w * g.c, ny = g.n * g.oh * g.ow * g.oc, nw = g.oc * 9 * g.c;
    float *x = fill(&rng, nx), *dy = fill(&rng, ny), *w = fill(&rng, nw);
    for (const yl_conv2d_algo *const *a = algorithms; *a; a++)
        for (int d = 0; d < YL_DIRECTIONS; d++) {
            if (!(*a)->supports(&ctx, &g, (yl_direction)d)) continue;
            int64_t counts[] = {ny, nx, nw};
            float *out[2];
            for (int k = 0; k < 2; k++) out[k] = run_once(*a, &g, (yl_direction)d, x, dy, w, counts[d]);
            assert_memory_equal(out[0], out[1], (size_t)counts[d] * sizeof(float));
            free(out[0]), free(out[1]);
        }
    free(x), free(dy), free(w);
}

static void bias_gradient(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(5, 0, 0);
    for (int64_t cols = 1; cols < 140; cols += 23) {
        int64_t rows = 700;
        float *x = fill(&rng, rows * cols), *sums_ = fill(&rng, cols);
        for (int64_t j = 0; j < cols; j++) sums_[j] = 1;
        ctx.device->kernels->column_sums(&ctx, &(yl_columns_geom){rows, cols, YL_F32}, x, sums_);
        for (int64_t j = 0; j < cols; j++) {
            double want = 1;
            for (int64_t r = 0; r < rows; r++) want += x[r * cols + j];
            assert_true(fabs(sums_[j] - want) < 1e-4);
        }
        free(x), free(sums_);
    }
}

/* YL_ISAS(X) comes from the build, as for backend/cpu.c: the best first. */
#define X(isa) extern const yl_kernels yl_cpu_##isa##_table;
YL_ISAS(X)
#undef X

/* The tables of the lesser instruction sets (those after the one that was picked), and numbers of threads that divide nothing. */
static void other_tables_and_threads(void **state)
{
    const yl_ctx whole = ctx;
    const yl_conv2d_algo *const *own = algorithms;
    const yl_kernels *const tables[] = {
#define X(isa) &yl_cpu_##isa##_table,
        YL_ISAS(X)
#undef X
    };
    bool runs = false;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        runs = runs || tables[i] == whole.device->kernels;
        if (!runs) continue;
        yl_device device = *whole.device;
        device.kernels = tables[i];
        ctx.device = &device;
        ctx.threads = i % 2 ? 5 : 3;
        assert_int_equal(tables[i]->conv2d_algorithms(&algorithms), YL_OK);
        named_shapes(state);
        depthwise_shapes(state);
        sparse_weights(state);
        large_weights(state);
        random_shapes(state);
        bias_gradient(state);
    }
    assert_true(runs);
    ctx = whole;
    algorithms = own;
}

/* Last: no line of algorithms.def without a case. */
static void every_algorithm_ran(void **state)
{
    (void)state;
    for (int i = 0; i < ALGORITHMS; i++) /* those of bytes: kernels/quant.c */
        if (!ran[i] && strncmp(algorithms[i]->name, "int8", 4) != 0 &&
            (!multiplies_bf16(algorithms[i]) || device_multiplies_bf16()))
            fail_msg("algorithm %s of algorithms.def ran in no case", algorithms[i]->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named_shapes),  cmocka_unit_test(depthwise_shapes),
        cmocka_unit_test(uneven_shapes), cmocka_unit_test(sparse_weights),
        cmocka_unit_test(random_shapes), cmocka_unit_test(repeats),
        cmocka_unit_test(bias_gradient), cmocka_unit_test(other_tables_and_threads),
        cmocka_unit_test(uneven_parts),  cmocka_unit_test(large_weights),
        cmocka_unit_test(bf16_error),    cmocka_unit_test(every_algorithm_ran),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
