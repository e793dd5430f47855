/* N:M groups and kernel shapes, each against a search over all choices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "prune/pattern.h"

enum { MOST = 480 };
static float score[MOST], before[MOST];
static uint8_t mask[MOST];

static yl_prune_blocks fill(int64_t outer, int64_t length, int64_t stride, uint32_t seed, bool masked)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    int64_t count = outer * length * stride;
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++) {
        before[i] = score[i] = (float)yl_rng_uniform(&rng);
        mask[i] = !masked || yl_rng_below(&rng, 3) > 0;
    }
    return (yl_prune_blocks){outer, length, stride, score, mask};
}

static int64_t place(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s)
{
    return (o * b->length + k) * b->stride + s;
}

static bool stays(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s)
{
    return score[place(b, o, k, s)] == INFINITY;
}

/* Whether a number of a group is among its n largest unmasked ones. */
static bool among_largest(const yl_prune_blocks *b, int64_t o, int64_t first, int64_t count, int64_t k, int64_t s,
                          int64_t n)
{
    int64_t above = 0, own = place(b, o, k, s);
    for (int64_t i = first; i < first + count; i++) {
        int64_t at = place(b, o, i, s);
        above += mask[at] && before[at] > before[own];
    }
    return mask[own] && above < n;
}

static void check_largest(int64_t outer, int64_t length, int64_t stride, int64_t n, int64_t m, bool masked)
{
    yl_prune_blocks b = fill(outer, length, stride, (uint32_t)(length * 10 + m), masked);
    yl_prune_keep_largest(&b, n, m);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t s = 0; s < stride; s++)
            for (int64_t k = 0; k < length; k++) {
                int64_t first = k / m * m, count = first + m <= length ? m : length - first;
                assert_int_equal(stays(&b, o, k, s), among_largest(&b, o, first, count, k, s, n));
                if (!stays(&b, o, k, s)) assert_true(score[place(&b, o, k, s)] == before[place(&b, o, k, s)]);
            }
}

static void test_largest(void **state)
{
    (void)state;
    for (int masked = 0; masked < 2; masked++) {
        check_largest(4, 16, 1, 2, 4, masked);
        check_largest(4, 10, 1, 2, 4, masked); /* a rest of 2, of which both stay */
        check_largest(3, 8, 5, 1, 4, masked);  /* neighbours lie `stride` apart */
        check_largest(2, 16, 3, 7, 8, masked);
    }
}

static void test_ties_and_groups_that_are_masked_already(void **state)
{
    (void)state;
    yl_prune_blocks b = fill(1, 8, 1, 1, false);
    for (int i = 0; i < 8; i++) score[i] = 1;
    yl_prune_keep_largest(&b, 2, 4);
    for (int i = 0; i < 8; i++) assert_int_equal(score[i] == INFINITY, i % 4 < 2); /* the first two */
    b = fill(1, 8, 1, 2, false);
    memset(mask, 0, 4);
    mask[1] = 1;
    yl_prune_keep_largest(&b, 2, 4);
    for (int i = 0; i < 4; i++)
        assert_int_equal(score[i] == INFINITY, i == 1); /* a masked number is not kept to fill the group */
}

static int bits(uint16_t shape)
{
    int n = 0;
    for (; shape; shape &= (uint16_t)(shape - 1)) n++;
    return n;
}

static void test_shapes(void **state)
{
    (void)state;
    uint16_t two[YL_PRUNE_SHAPES], three[YL_PRUNE_SHAPES];
    assert_int_equal(yl_prune_shapes(2, two), 12);
    assert_int_equal(yl_prune_shapes(3, three), 22);
    for (int i = 0; i < 12; i++) {
        assert_int_equal(bits(two[i]), 2);
        int first = 0;
        while (!(two[i] >> first & 1)) first++;
        bool right = two[i] == 3 << first && first % 3 < 2, below = two[i] == 9 << first && first < 6;
        assert_true(right || below);
    }
    for (int i = 0; i < 22; i++) { /* every one of three is a pair and a neighbour */
        int pairs = 0;
        for (int k = 0; k < 12; k++) pairs += (three[i] & two[k]) == two[k];
        assert_int_equal(bits(three[i]), 3);
        assert_int_equal(pairs, 2);
        for (int k = 0; k < i; k++) assert_true(three[k] != three[i]);
    }
}

static double sum_of(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s, uint16_t shape)
{
    double sum = 0;
    for (int e = 0; e < 9; e++)
        if (shape >> e & 1 && mask[place(b, o, k + e, s)]) sum += (double)before[place(b, o, k + e, s)];
    return sum;
}

static int best_of(const yl_prune_blocks *b, int64_t o, int64_t k, int64_t s, int n, const uint16_t *shapes)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (sum_of(b, o, k, s, shapes[i]) > sum_of(b, o, k, s, shapes[best])) best = i;
    return best;
}

static void check_shapes(int entries, int64_t stride, bool masked)
{
    uint16_t shapes[YL_PRUNE_SHAPES];
    int64_t votes[YL_PRUNE_SHAPES] = {0}, wanted[YL_PRUNE_SHAPES] = {0};
    int n = yl_prune_shapes(entries, shapes);
    yl_prune_blocks b = fill(6, 18, stride, (uint32_t)entries, masked);
    for (int64_t o = 0; o < b.outer; o++)
        for (int64_t s = 0; s < stride; s++)
            for (int64_t k = 0; k < b.length; k += 9) wanted[best_of(&b, o, k, s, n, shapes)]++;
    yl_prune_vote(&b, n, shapes, votes);
    assert_memory_equal(votes, wanted, sizeof votes);
    yl_prune_keep_shape(&b, n, shapes);
    for (int64_t o = 0; o < b.outer; o++)
        for (int64_t s = 0; s < stride; s++)
            for (int64_t k = 0; k < b.length; k++) {
                uint16_t shape = shapes[best_of(&b, o, k / 9 * 9, s, n, shapes)];
                assert_int_equal(stays(&b, o, k, s), shape >> k % 9 & 1);
            }
}

static void test_votes_and_best_shapes(void **state)
{
    (void)state;
    for (int masked = 0; masked < 2; masked++) {
        check_shapes(2, 1, masked);
        check_shapes(3, 1, masked);
        check_shapes(3, 4, masked);
    }
}

static void test_a_short_rest_stays(void **state)
{
    (void)state;
    uint16_t shapes[YL_PRUNE_SHAPES];
    int64_t votes[YL_PRUNE_SHAPES] = {0}, sum = 0;
    int n = yl_prune_shapes(2, shapes);
    yl_prune_blocks b = fill(1, 13, 1, 3, false);
    yl_prune_vote(&b, n, shapes, votes);
    for (int i = 0; i < n; i++) sum += votes[i];
    assert_int_equal(sum, 1);
    yl_prune_keep_shape(&b, n, shapes);
    for (int k = 9; k < 13; k++) assert_true(score[k] == INFINITY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_largest),
        cmocka_unit_test(test_ties_and_groups_that_are_masked_already),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_votes_and_best_shapes),
        cmocka_unit_test(test_a_short_rest_stays),
    };
    return cmocka_run_group_tests_name("prune/pattern", tests, NULL, NULL);
}
