/* Quantised numbers: bytes of activations by their formula, and the convolutions of bytes against sums in whole numbers, which they have
 * to give exactly, with every table of kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend/device.h"
#include "core/rng.h"
#include "core/threads.h"
#include "kernels/kernels.h"

static yl_ctx ctx;
static const yl_conv2d_algo *const *algorithms;
static int ran; /* bits of the algorithms that a case has run, in the order of algorithms.def */

static int setup(void **state)
{
    (void)state;
    yl_device *device;
    yl_set_threads(2);
    if (yl_device_get("cpu", &device)) return 1;
    ctx = yl__ctx(device);
    return ctx.device->kernels->conv2d_algorithms(&algorithms) != YL_OK;
}

static void bytes_of_numbers(void **state)
{
    (void)state;
    enum { COUNT = 5000 };
    static float x[COUNT], back[COUNT];
    static uint8_t y[COUNT];
    yl_quant_geom g = {COUNT, {0.037f, 91}};
    for (int i = 0; i < COUNT; i++) x[i] = 0.004f * (float)(i - COUNT / 2);
    x[0] = NAN, x[1] = INFINITY, x[2] = -INFINITY, x[3] = 0;
    assert_int_equal(ctx.device->kernels->quant_to_bytes(&ctx, &g, x, y), YL_OK);
    assert_int_equal(y[0], 0), assert_int_equal(y[1], 255), assert_int_equal(y[2], 0), assert_int_equal(y[3], 91);
    for (int i = 4; i < COUNT; i++) {
        float at = x[i] * (1.0f / 0.037f);
        assert_int_equal(y[i], (int)fmin(fmax(rint(at) + 91, 0), 255));
    }
    assert_int_equal(ctx.device->kernels->quant_to_floats(&ctx, &g, y, back), YL_OK);
    for (int i = 4; i < COUNT; i++) assert_true(back[i] == 0.037f * (float)(y[i] - 91));
}

/* Residual sums: the byte nearest to the sum, computed in double; y may be a. */
static void sums_of_bytes(void **state)
{
    (void)state;
    enum { COUNT = 1031 };
    static uint8_t a[COUNT], b[COUNT], y[COUNT];
    yl_shortcut_bytes_geom g = {COUNT, {0.05f, 37}, {0.021f, 201}, {0.06f, 90}};
    yl_rng rng = yl_rng_make(5, 0, 0);
    for (int i = 0; i < COUNT; i++) a[i] = (uint8_t)yl_rng_below(&rng, 256), b[i] = (uint8_t)yl_rng_below(&rng, 256);
    a[0] = 37, b[0] = 201, a[1] = a[2] = 255, b[1] = 255, a[3] = b[3] = 0;
    assert_int_equal(ctx.device->kernels->shortcut_bytes(&ctx, &g, a, b, y), YL_OK);
    assert_int_equal(y[0], 90);
    for (int i = 0; i < COUNT; i++) {
        double sum = (double)g.a.scale * (a[i] - g.a.zero) + (double)g.b.scale * (b[i] - g.b.zero);
        double want = fmin(fmax(sum / g.y.scale + g.y.zero, 0), 255);
        if (fabs(y[i] - want) > 0.5001) fail_msg("%d: byte %d, expected %.4f", i, y[i], want);
    }
    assert_int_equal(ctx.device->kernels->shortcut_bytes(&ctx, &g, a, b, a), YL_OK);
    assert_memory_equal(a, y, COUNT);
}

/* Operands of a convolution of bytes; the oracle's sums {n, oh, ow, oc}. */
typedef struct operands {
    uint8_t *x;
    float *w, *bias, *y;
    int64_t *sums;
    int64_t count; /* of y */
} operands;

/* A weight's scale is 1 where its largest byte is 127, as it is here; `extreme`: nothing but the largest bytes. */
static operands make_operands(const yl_conv2d_geom *g, yl_rng *rng, bool extreme)
{
    int64_t filter = (int64_t)g->kh * g->kw * (g->c / g->groups);
    operands q = {.count = g->n * g->oh * g->ow * g->oc};
    q.x = malloc((size_t)(g->n * g->h * g->w * g->c));
    q.w = malloc((size_t)(g->oc * filter) * sizeof *q.w);
    q.bias = malloc((size_t)g->oc * sizeof *q.bias);
    q.y = malloc((size_t)q.count * sizeof *q.y);
    q.sums = calloc((size_t)q.count, sizeof *q.sums);
    for (int64_t i = 0; i < g->n * g->h * g->w * g->c; i++) q.x[i] = extreme ? 255 : (uint8_t)yl_rng_below(rng, 256);
    for (int64_t o = 0; o < g->oc; o++) {
        for (int64_t i = 0; i < filter; i++)
            q.w[o * filter + i] = extreme ? (o % 2 ? 127.0f : -127.0f) : (float)yl_rng_below(rng, 255) - 127;
        q.w[o * filter + (int64_t)yl_rng_below(rng, (uint32_t)filter)] = o % 2 ? 127 : -127;
        q.bias[o] = (float)yl_rng_below(rng, 100) - 50;
    }
    return q;
}

static void free_operands(operands *q)
{
    free(q->x), free(q->w), free(q->bias), free(q->y), free(q->sums);
}

/* One sum of the definition, in whole numbers. */
static int64_t sum_at(const yl_conv2d_geom *g, const operands *q, int64_t n, int64_t i, int64_t j, int64_t o)
{
    int64_t from = g->c / g->groups, first = o / (g->oc / g->groups) * from, sum = 0;
    for (int64_t u = 0; u < g->kh; u++)
        for (int64_t v = 0; v < g->kw; v++) {
            int64_t r = i * g->sh - g->pt + u * g->dh, s = j * g->sw - g->pl + v * g->dw;
            if (r < 0 || r >= g->h || s < 0 || s >= g->w) continue;
            const uint8_t *x = q->x + ((n * g->h + r) * g->w + s) * g->c + first;
            const float *w = q->w + ((o * g->kh + u) * g->kw + v) * from;
            for (int64_t k = 0; k < from; k++) sum += (x[k] - g->x_quant.zero) * (int64_t)w[k];
        }
    return sum;
}

static void oracle(const yl_conv2d_geom *g, operands *q)
{
    int64_t *at = q->sums;
    for (int64_t n = 0; n < g->n; n++)
        for (int64_t i = 0; i < g->oh; i++)
            for (int64_t j = 0; j < g->ow; j++)
                for (int64_t o = 0; o < g->oc; o++) *at++ = sum_at(g, q, n, i, j, o);
}

static void run(const yl_conv2d_algo *a, const yl_conv2d_geom *g, const operands *q, const float *bias, void *y)
{
    size_t packed = a->packed_bytes(g, YL_FORWARD), scratch = a->scratch_bytes(&ctx, g, YL_FORWARD);
    void *p = aligned_alloc(64, packed / 64 * 64 + 64), *s = aligned_alloc(64, scratch / 64 * 64 + 64);
    memset(s, 0x5a, scratch);
    assert_int_equal(a->pack(&ctx, g, YL_FORWARD, q->w, NULL, p), YL_OK);
    yl_conv2d_run r = {.x = q->x, .packed = p, .bias = bias, .scratch = s, .y = y};
    assert_int_equal(a->run(&ctx, g, YL_FORWARD, &r), YL_OK);
    free(p), free(s);
}

/* With scales of 1 and no bias, the f32 output is the sum itself: as close as f32 comes to it. */
static void check_sums(const yl_conv2d_algo *a, yl_conv2d_geom g, const operands *q)
{
    g.act = YL_ACT_linear, g.out_dtype = YL_F32, g.x_quant.scale = 1;
    run(a, &g, q, NULL, q->y);
    for (int64_t i = 0; i < q->count; i++)
        if (q->y[i] != (float)q->sums[i])
            fail_msg("%s: %ld of %ld: %.9g, expected %ld", a->name, (long)i, (long)q->count, q->y[i], (long)q->sums[i]);
}

static double activated(yl_activation act, double v, double slope)
{
    if (act == YL_ACT_relu) return v > 0 ? v : 0;
    if (act == YL_ACT_leaky) return v > 0 ? v : slope * v;
    return act == YL_ACT_logistic ? 1 / (1 + exp(-v)) : v;
}

/* Bytes out: the byte nearest to the number, computed in double. */
static void check_bytes(const yl_conv2d_algo *a, yl_conv2d_geom g, yl_activation act, const operands *q)
{
    uint8_t *y = (uint8_t *)q->y;
    g.act = act, g.out_dtype = YL_U8, g.x_quant.scale = 0.02f,
    g.y_quant = (yl_quant){0.7f * (float)sqrt((double)(g.kh * g.kw * g.c / g.groups)), 77};
    if (act == YL_ACT_logistic) g.x_quant.scale = 1e-4f, g.y_quant = (yl_quant){1 / 200.0f, 3};
    run(a, &g, q, q->bias, y);
    for (int64_t i = 0; i < q->count; i++) {
        double v = (double)g.x_quant.scale * (double)q->sums[i] + q->bias[i % g.oc];
        v = activated(act, v, g.leaky_slope);
        double want = fmin(fmax(v / g.y_quant.scale + g.y_quant.zero, 0), 255);
        if (fabs(y[i] - want) > 0.5001) fail_msg("%s: %ld: byte %d, expected %.4f", a->name, (long)i, y[i], want);
    }
}

static void check(const yl_conv2d_geom *g, yl_rng *rng, bool extreme)
{
    operands q = make_operands(g, rng, extreme);
    int found = 0;
    oracle(g, &q);
    for (int i = 0; algorithms[i]; i++) {
        if (!algorithms[i]->supports(&ctx, g, YL_FORWARD)) continue;
        assert_false(algorithms[i]->supports(&ctx, g, YL_BACKWARD_DATA));
        check_sums(algorithms[i], *g, &q);
        const yl_activation acts[] = {YL_ACT_leaky, YL_ACT_linear, YL_ACT_relu, YL_ACT_logistic};
        for (int act = 0; act < 4; act++) check_bytes(algorithms[i], *g, acts[act], &q);
        ran |= 1 << i;
        found++;
    }
    assert_true(found > 0);
    free_operands(&q);
}

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
                            .dtype = YL_U8,
                            .act = YL_ACT_leaky,
                            .leaky_slope = .1f,
                            .x_quant = {1, 37}};
}

static void convolutions(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(11, 0, 0);
    yl_conv2d_geom shapes[] = {
        make(1, 1, 1, 1, 1, 1, 1, 0, 1, 1),     make(2, 5, 7, 3, 4, 3, 1, 1, 1, 1),
        make(1, 9, 6, 5, 33, 3, 2, 1, 1, 1),    make(2, 7, 7, 8, 16, 3, 2, 0, 1, 1),
        make(2, 13, 13, 40, 70, 3, 1, 1, 1, 1), make(1, 1, 1, 17, 9, 3, 1, 1, 1, 1),
        make(1, 12, 10, 6, 8, 3, 1, 2, 2, 1),   make(1, 6, 5, 32, 130, 1, 1, 0, 1, 1),
        make(1, 8, 8, 12, 24, 1, 2, 0, 1, 1),   make(1, 7, 8, 4, 4, 2, 1, 1, 1, 1),
        make(1, 5, 40, 2, 255, 5, 2, 3, 1, 1),  make(1, 6, 6, 5, 40, 1, 1, 1, 1, 1),
        make(1, 4, 50, 64, 48, 3, 1, 1, 1, 1),  make(3, 3, 3, 36, 96, 1, 1, 0, 1, 1),
        make(1, 6, 20, 8, 8, 1, 1, 0, 1, 1),    make(1, 17, 18, 3, 8, 3, 2, 1, 1, 1), /* few channels out */
        make(1, 5, 19, 8, 4, 1, 1, 0, 1, 1),    make(2, 9, 5, 12, 7, 3, 1, 1, 1, 1),
        make(1, 8, 24, 4, 3, 1, 1, 0, 1, 1),
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) check(&shapes[i], &rng, false);
    yl_conv2d_geom depthwise[] = {
        make(2, 8, 9, 16, 16, 3, 1, 1, 1, 16),   make(1, 9, 21, 24, 24, 3, 2, 1, 1, 24),
        make(1, 9, 11, 20, 20, 5, 1, 2, 1, 20),  make(1, 21, 19, 7, 7, 5, 2, 2, 1, 7),
        make(1, 4, 4, 33, 33, 3, 1, 1, 1, 33),   make(1, 11, 9, 8, 8, 7, 1, 3, 1, 8),
        make(2, 8, 9, 40, 40, 2, 2, 0, 1, 40),   make(1, 11, 18, 64, 64, 3, 1, 1, 1, 64),
        make(1, 9, 10, 8, 8, 3, 1, 1, 1, 8),     make(2, 7, 12, 20, 20, 5, 1, 2, 1, 20), /* pixels side by side */
        make(1, 6, 12, 6, 6, 3, 1, 1, 1, 6),     make(1, 12, 13, 24, 24, 5, 2, 2, 1, 24),
        make(1, 13, 14, 24, 24, 3, 1, 1, 1, 24), make(1, 9, 8, 12, 12, 3, 3, 0, 1, 12),
        make(1, 9, 9, 16, 16, 5, 1, 0, 1, 16),   make(1, 9, 9, 16, 16, 5, 1, 0, 1, 16),
    };
    yl_conv2d_geom *wide = &depthwise[sizeof depthwise / sizeof *depthwise - 2], *high = wide + 1;
    wide->kh = 3, wide->oh = 7, high->kw = 3, high->ow = 7;
    for (size_t i = 0; i < sizeof depthwise / sizeof *depthwise; i++) {
        check(&depthwise[i], &rng, false);
        check(&depthwise[i], &rng, true);
    }
    yl_conv2d_geom loud = make(1, 4, 4, 512, 20, 3, 1, 1, 1, 1); /* sums of 16 bits, or of f32, would not hold these */
    loud.x_quant.zero = 0;
    check(&loud, &rng, true);
    loud.x_quant.zero = 255;
    check(&loud, &rng, true);
}

/* More products than 32 bits can hold. */
static void too_deep(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(1, 3, 3, 40000, 1, 1, 1, 0, 1, 1);
    for (int i = 0; algorithms[i]; i++) assert_false(algorithms[i]->supports(&ctx, &g, YL_FORWARD));
}

/* YL_ISAS(X) comes from the build, as for backend/cpu.c: the best first. */
#define X(isa) extern const yl_kernels yl_cpu_##isa##_table;
YL_ISAS(X)
#undef X

static void other_tables(void **state)
{
    const yl_ctx whole = ctx;
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
        ctx.threads = i % 2 ? 3 : 1;
        assert_int_equal(tables[i]->conv2d_algorithms(&algorithms), YL_OK);
        bytes_of_numbers(state);
        sums_of_bytes(state);
        convolutions(state);
    }
    assert_true(runs);
    ctx = whole;
}

/* Last: no algorithm of bytes without a case, but for what this processor lacks. */
static void every_algorithm_ran(void **state)
{
    (void)state;
    assert_int_equal(ctx.device->kernels->conv2d_algorithms(&algorithms), YL_OK);
    for (int i = 0; algorithms[i]; i++)
        if (strncmp(algorithms[i]->name, "int8", 4) == 0 && !strstr(algorithms[i]->name, "_dot"))
            assert_true(ran >> i & 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_numbers), cmocka_unit_test(sums_of_bytes), cmocka_unit_test(convolutions),
        cmocka_unit_test(too_deep),         cmocka_unit_test(other_tables),  cmocka_unit_test(every_algorithm_ran),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
