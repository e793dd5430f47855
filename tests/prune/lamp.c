/* LAMP scores against their definition, written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/rng.h"
#include "prune/lamp.h"

enum { MOST = 600 };
static float w[MOST], score[MOST];
static uint8_t mask[MOST];

/* Whether weight j counts in the sum below weight i: it is larger, or equal and further back. */
static bool counts(int64_t i, int64_t j)
{
    if (!mask[j]) return false;
    return fabsf(w[j]) > fabsf(w[i]) || (fabsf(w[j]) == fabsf(w[i]) && j >= i);
}

static double expected(int64_t count, int64_t i)
{
    double sum = 0;
    if (!mask[i]) return 0;
    for (int64_t j = 0; j < count; j++)
        if (counts(i, j)) sum += (double)w[j] * (double)w[j];
    return sum > 0 ? (double)w[i] * (double)w[i] / sum : 0;
}

static void check(int64_t count)
{
    assert_int_equal(yl_prune_lamp(count, w, mask, score), YL_OK);
    for (int64_t i = 0; i < count; i++) {
        double e = expected(count, i);
        if (fabs(score[i] - e) > 1e-6 * e) fail_msg("weight %d: expected %.9g, got %.9g", (int)i, e, (double)score[i]);
    }
}

/* A few values that repeat, with signs, and many decades of magnitudes. */
static void fill(int64_t count, uint32_t seed, bool ties)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    for (int64_t i = 0; i < count; i++) {
        double x =
            ties ? (double)(yl_rng_below(&rng, 9) - 4) / 4 : yl_rng_normal(&rng) * exp(20 * yl_rng_uniform(&rng) - 10);
        w[i] = (float)x;
        mask[i] = yl_rng_below(&rng, 5) > 0;
    }
}

static void test_definition(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 4; seed++) {
        fill(MOST, seed, false);
        check(MOST);
        fill(MOST, seed, true);
        check(MOST);
    }
    fill(1, 7, false);
    mask[0] = 1;
    check(1);
    assert_true(score[0] == 1); /* the largest weight of a layer, alone or not */
}

static void test_largest_is_1_and_scale_does_not_matter(void **state)
{
    (void)state;
    static float again[MOST];
    fill(MOST, 11, false);
    for (int i = 0; i < MOST; i++) mask[i] = 1;
    check(MOST);
    double top = 0;
    for (int i = 0; i < MOST; i++) top = score[i] > top ? score[i] : top;
    assert_true(top == 1);
    for (int i = 0; i < MOST; i++) again[i] = score[i], w[i] *= 4;
    check(MOST);
    for (int i = 0; i < MOST; i++) assert_true(score[i] == again[i]);
}

static void test_nothing_to_weigh(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) w[i] = i % 2 ? 0.0f : -0.0f, mask[i] = 1, score[i] = 9;
    check(5);
    assert_true(score[4] == 0); /* not a NaN */
    for (int i = 0; i < 5; i++) w[i] = (float)i, mask[i] = 0;
    check(5);
    assert_int_equal(yl_prune_lamp(0, w, mask, score), YL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definition),
        cmocka_unit_test(test_largest_is_1_and_scale_does_not_matter),
        cmocka_unit_test(test_nothing_to_weigh),
    };
    return cmocka_run_group_tests_name("prune/lamp", tests, NULL, NULL);
}
