/* Philox against the vectors that its authors publish (Random123, kat_vectors), streams, and what is drawn from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"

static void known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint32_t out[4];
        yl_philox(cases[i].counter, cases[i].key, out);
        assert_memory_equal(out, cases[i].out, sizeof out);
    }
}

/* A stream is blocks of rising counters; its name is (seed, a, b), every bit of it. */
static void streams(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(0x0123456789abcdefu, 7, 9), again = rng;
    for (uint32_t block = 0; block < 3; block++) {
        const uint32_t counter[4] = {block, 0, 7, 9}, key[2] = {0x89abcdefu, 0x01234567u};
        uint32_t want[4];
        yl_philox(counter, key, want);
        for (int k = 0; k < 4; k++) assert_int_equal(yl_rng_u32(&rng), want[k]);
    }
    uint32_t first = yl_rng_u32(&again);
    const yl_rng others[] = {yl_rng_make(0x0123456789abcdeeu, 7, 9), yl_rng_make(0x1123456789abcdefu, 7, 9),
                             yl_rng_make(0x0123456789abcdefu, 8, 9), yl_rng_make(0x0123456789abcdefu, 7, 8)};
    for (int i = 0; i < 4; i++) {
        yl_rng other = others[i];
        assert_int_not_equal(yl_rng_u32(&other), first);
    }
}

static void uniform_moments(void **state)
{
    (void)state;
    enum { N = 100000 };
    yl_rng rng = yl_rng_make(1, 2, 3);
    double sum = 0, squares = 0, low = 1, high = 0;
    for (int i = 0; i < N; i++) {
        double u = yl_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        sum += u, squares += u * u, low = fmin(low, u), high = fmax(high, u);
    }
    assert_true(fabs(sum / N - 0.5) < 0.004 && fabs(squares / N - 1.0 / 3) < 0.004); /* four standard errors */
    assert_true(low < 1e-4 && high > 1 - 1e-4);
    for (int i = 0; i < 1000; i++) {
        double r = yl_rng_range(&rng, -3, 5);
        assert_true(r >= -3 && r < 5);
    }
    assert_true(yl_rng_range(&rng, 2, 2) == 2);
}

static void normal_moments(void **state)
{
    (void)state;
    enum { N = 100000 };
    yl_rng rng = yl_rng_make(4, 5, 6);
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < N; i++) {
        double x = yl_rng_normal(&rng);
        assert_true(isfinite(x));
        sum += x, squares += x * x, fourth += x * x * x * x;
    }
    assert_true(fabs(sum / N) < 0.013 && fabs(squares / N - 1) < 0.02 && fabs(fourth / N - 3) < 0.13);
}

static void below_is_even(void **state)
{
    (void)state;
    enum { N = 70000, SIDES = 7 };
    yl_rng rng = yl_rng_make(7, 8, 9);
    int counts[SIDES] = {0};
    for (int i = 0; i < N; i++) {
        int64_t n = yl_rng_below(&rng, SIDES);
        assert_true(n >= 0 && n < SIDES);
        counts[n]++;
    }
    for (int k = 0; k < SIDES; k++) assert_true(abs(counts[k] - N / SIDES) < 400);
    assert_int_equal(yl_rng_below(&rng, 1), 0);
    for (int i = 0; i < 100; i++) {
        int64_t n = yl_rng_below(&rng, INT64_MAX);
        assert_true(n >= 0 && n < INT64_MAX);
    }
}

/* Every order of three comes up as often as any other; larger ones hold each number once. */
static void permutations(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(10, 11, 12);
    int64_t order[257];
    int counts[6] = {0};
    for (int i = 0; i < 6000; i++) {
        yl_rng_permutation(&rng, 3, order);
        counts[order[0] * 2 + (order[1] > order[2])]++;
    }
    for (int k = 0; k < 6; k++) assert_true(abs(counts[k] - 1000) < 150);
    char seen[257] = {0};
    yl_rng_permutation(&rng, 257, order);
    for (int i = 0; i < 257; i++) {
        assert_true(order[i] >= 0 && order[i] < 257 && !seen[order[i]]);
        seen[order[i]] = 1;
    }
    yl_rng_permutation(&rng, 0, order);
}

/* The block counter is 64 bits wide: after 2^32 blocks the stream does not begin again. */
static void counter_carries(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(1, 2, 3);
    rng.counter[0] = UINT32_MAX;
    for (int i = 0; i < 4; i++) yl_rng_u32(&rng);
    uint32_t want[4];
    yl_philox((const uint32_t[4]){0, 1, 2, 3}, (const uint32_t[2]){1, 0}, want);
    assert_int_equal(yl_rng_u32(&rng), want[0]);
}

/* Where two thirds of the words are refused, a remainder without refusal would favour the low half. */
static void below_refuses(void **state)
{
    (void)state;
    const int64_t n = INT64_MAX / 2 + INT64_MAX / 4;
    yl_rng rng = yl_rng_make(3, 0, 0);
    int low = 0;
    for (int i = 0; i < 10000; i++) low += yl_rng_below(&rng, n) < n / 2;
    assert_true(low > 4750 && low < 5250);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),   cmocka_unit_test(streams),       cmocka_unit_test(uniform_moments),
        cmocka_unit_test(normal_moments),  cmocka_unit_test(below_is_even), cmocka_unit_test(permutations),
        cmocka_unit_test(counter_carries), cmocka_unit_test(below_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
