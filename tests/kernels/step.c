/* The optimizers' steps against their papers' formulas in double precision; what masks and averages promise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "backend/device.h"
#include "core/threads.h"
#include "kernels/kernels.h"

enum { N = 20000, PARTS = (N + YL_STEP_PART - 1) / YL_STEP_PART }; /* more than a thread's share */

typedef struct slabs {
    float grad[N], a[N], b[N], value[N], ema[N];
    uint8_t mask[N];
} slabs;

static yl_ctx ctx;
static slabs before, after;

static int setup(void **state)
{
    (void)state;
    yl_device *device;
    yl_set_threads(2);
    if (yl_device_get("cpu", &device)) return 1;
    ctx = yl__ctx(device);
    yl_rng rng = yl_rng_make(3, 1, 0);
    for (int i = 0; i < N; i++) {
        before.grad[i] = (float)yl_rng_range(&rng, -8, 8);
        before.a[i] = (float)yl_rng_range(&rng, -1, 1);
        before.b[i] = (float)yl_rng_range(&rng, 0, 1);
        before.value[i] = (float)yl_rng_range(&rng, -2, 2);
        before.ema[i] = (float)yl_rng_range(&rng, -2, 2);
        before.mask[i] = i % 3 != 0;
    }
    return 0;
}

#define SCALARS                                                                                                        \
    {                                                                                                                  \
        .scale = 0.125f, .lr = 0.01f, .momentum = 0.9f, .decay = 0.05f, .beta1 = 0.9f, .beta2 = 0.99f,                 \
        .epsilon = 1e-8f, .correction1 = 0.19f, .correction2 = 0.0199f, .ema = 0.75f                                   \
    }
static const yl_step_scalars scalars = SCALARS;
/* The numbers in parts, of ranges that take turns, whose scalars are the same. */
static const yl_step_scalars of_ranges[2] = {SCALARS, SCALARS};
static yl_step_part parts[PARTS];

static void make_parts(float lr_mult, bool decays)
{
    for (int k = 0; k < PARTS; k++)
        parts[k] = (yl_step_part){.at = k * YL_STEP_PART,
                                  .count = k < PARTS - 1 ? YL_STEP_PART : N - k * YL_STEP_PART,
                                  .range = k % 2,
                                  .lr_mult = lr_mult,
                                  .decays = decays};
}

static void near(double got, double want)
{
    if (fabs(got - want) > 2e-6 * (1 + fabs(want))) fail_msg("got %.9g, want %.9g", got, want);
}

/* Value and both states after one step, for element i of `before`. */
typedef void oracle(const yl_step_geom *g, int i, double *value, double *a, double *b);

static void sgd(const yl_step_geom *g, int i, double *value, double *a, double *b)
{
    double gradient = (double)scalars.scale * before.grad[i], v = (double)scalars.momentum * before.a[i] + gradient;
    double move = g->nesterov ? gradient + (double)scalars.momentum * v : v;
    double decay = parts[0].decays ? (double)scalars.decay * before.value[i] : 0;
    *value = before.value[i] - (double)scalars.lr * parts[0].lr_mult * (decay + move);
    *a = v;
    *b = before.b[i];
}

static void adam(const yl_step_geom *g, int i, double *value, double *a, double *b)
{
    double decay = parts[0].decays ? (double)scalars.decay * before.value[i] : 0;
    double gradient = (double)scalars.scale * before.grad[i] + (g->decoupled ? 0 : decay);
    *a = (double)scalars.beta1 * before.a[i] + (1 - (double)scalars.beta1) * gradient;
    *b = (double)scalars.beta2 * before.b[i] + (1 - (double)scalars.beta2) * gradient * gradient;
    double move = *a / (double)scalars.correction1 / (sqrt(*b / (double)scalars.correction2) + (double)scalars.epsilon);
    *value = before.value[i] - (double)scalars.lr * parts[0].lr_mult * (move + (g->decoupled ? decay : 0));
}

static void run(bool is_adam, const yl_step_geom *g, bool masked, bool averaged)
{
    after = before;
    const uint8_t *mask = masked ? after.mask : NULL;
    float *ema = averaged ? after.ema : NULL;
    const yl_kernels *k = ctx.device->kernels;
    yl_status status =
        is_adam ? k->step_adam(&ctx, g, parts, of_ranges, mask, after.grad, after.a, after.b, after.value, ema)
                : k->step_sgd(&ctx, g, parts, of_ranges, mask, after.grad, after.a, after.value, ema);
    assert_int_equal(status, YL_OK);
}

static void compare(bool is_adam, const yl_step_geom *g, bool masked, bool averaged)
{
    run(is_adam, g, masked, averaged);
    for (int i = 0; i < N; i++) {
        double value, a, b, keep = !masked || before.mask[i];
        (is_adam ? adam : sgd)(g, i, &value, &a, &b);
        assert_true(after.grad[i] == 0);
        if (keep != 0) {
            near(after.value[i], value);
            near(after.a[i], a);
            near(after.b[i], b);
        } else {
            assert_true(after.value[i] == 0 && after.a[i] == 0 && (!is_adam || after.b[i] == 0));
        }
        double mean = (double)scalars.ema * before.ema[i] + (1 - (double)scalars.ema) * (value * keep);
        near(after.ema[i], averaged ? mean * keep : before.ema[i]);
    }
}

static void test_formulas(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        yl_step_geom g = {.parts = PARTS, .ranges = 2, .count = N, .decoupled = bits & 4, .nesterov = bits & 8};
        make_parts(bits & 1 ? 0.5f : 1.0f, bits & 2);
        compare(bits & 4, &g, bits & 16, bits & 32);
    }
    yl_step_geom coupled = {.parts = PARTS, .ranges = 2, .count = N};
    make_parts(1, true);
    compare(true, &coupled, true, true);
}

/* The same bits every time, with any number of threads. */
static void test_same_bits(void **state)
{
    (void)state;
    static slabs first;
    yl_step_geom g = {.parts = PARTS, .ranges = 2, .count = N};
    make_parts(1, true);
    run(true, &g, true, true);
    first = after;
    ctx.threads = 1;
    run(true, &g, true, true);
    ctx.threads = 2;
    assert_memory_equal(&first, &after, sizeof first);
}

/* A part of a statistic has its average moved, and nothing else. */
static void test_average_of_statistics(void **state)
{
    (void)state;
    yl_step_part one = {.at = 3, .count = 5, .range = 1, .statistic = true};
    yl_step_geom g = {.parts = 1, .ranges = 2, .count = 5};
    const yl_kernels *k = ctx.device->kernels;
    for (int is_adam = 0; is_adam < 2; is_adam++) {
        after = before;
        if (is_adam)
            assert_int_equal(
                k->step_adam(&ctx, &g, &one, of_ranges, NULL, after.grad, after.a, after.b, after.value, after.ema),
                YL_OK);
        else
            assert_int_equal(k->step_sgd(&ctx, &g, &one, of_ranges, NULL, after.grad, after.a, after.value, after.ema),
                             YL_OK);
        for (int i = 3; i < 8; i++) near(after.ema[i], 0.75 * before.ema[i] + 0.25 * before.value[i]);
        memcpy(after.ema + 3, before.ema + 3, 5 * sizeof *after.ema);
        assert_memory_equal(&after, &before, sizeof after);
    }
}

/* A sum per range, of the parts first[r] to first[r + 1] - 1; the same bits with any number of threads; none of statistics. */
static void test_sum_squares(void **state)
{
    (void)state;
    static const int32_t first[] = {0, 2, 2, PARTS};
    yl_step_geom g = {.parts = PARTS, .ranges = 3, .count = N};
    double partial[PARTS], got[3], again[3], want[3] = {0};
    make_parts(1, true);
    for (int i = 0; i < N; i++) want[i < 2 * YL_STEP_PART ? 0 : 2] += (double)before.grad[i] * before.grad[i];
    assert_int_equal(ctx.device->kernels->sum_squares(&ctx, &g, parts, first, before.grad, partial, got), YL_OK);
    assert_true(got[1] == 0);
    for (int r = 0; r < 3; r++) assert_true(fabs(got[r] - want[r]) <= 1e-9 * want[r]);
    ctx.threads = 1;
    assert_int_equal(ctx.device->kernels->sum_squares(&ctx, &g, parts, first, before.grad, partial, again), YL_OK);
    ctx.threads = 2;
    assert_memory_equal(got, again, sizeof got);
    parts[0].statistic = parts[1].statistic = true;
    assert_int_equal(ctx.device->kernels->sum_squares(&ctx, &g, parts, first, before.grad, partial, again), YL_OK);
    assert_true(again[0] == 0 && again[2] == got[2]);
}

static void test_find_not_finite(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    int64_t index;
    assert_int_equal(ctx.device->kernels->find_not_finite(&ctx, &(yl_flat_geom){N, YL_F32}, before.grad, &index),
                     YL_OK);
    assert_int_equal(index, -1);
    for (int k = 0; k < 3; k++) {
        for (int at = 0; at < N; at += 9973) {
            memcpy(after.grad, before.grad, sizeof after.grad);
            after.grad[at] = bad[k];
            if (at + 7 < N) after.grad[at + 7] = NAN;
            assert_int_equal(ctx.device->kernels->find_not_finite(&ctx, &(yl_flat_geom){N, YL_F32}, after.grad, &index),
                             YL_OK);
            assert_int_equal(index, at);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas),
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_average_of_statistics),
        cmocka_unit_test(test_sum_squares),
        cmocka_unit_test(test_find_not_finite),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
