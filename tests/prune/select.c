/* Selection by score against a full sort: exactly as many as asked for, the smallest first, ties by place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "prune/select.h"

enum { PARTS = 3, MOST = 140000 };
static int64_t counts[PARTS] = {1, 2500, 700};
static float score[PARTS][MOST];
static uint8_t mask[PARTS][MOST], before[PARTS][MOST];
static yl_prune_part parts[PARTS];

typedef struct place {
    float score;
    int part, index;
} place;

static int by_score(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? -1 : 1;
    if (x->part != y->part) return x->part - y->part;
    return x->index - y->index;
}

static void fill(uint32_t seed, int kinds)
{
    yl_rng rng = yl_rng_make(seed, 0, 0);
    for (int p = 0; p < PARTS; p++) {
        parts[p] = (yl_prune_part){.name = "conv1.weight", .count = counts[p], .score = score[p], .mask = mask[p]};
        for (int64_t i = 0; i < counts[p]; i++) { /* few kinds of numbers: many ties; some are negative, some zeros */
            score[p][i] = kinds ? (float)(yl_rng_below(&rng, kinds) - kinds / 2) * 0.25f : (float)yl_rng_normal(&rng);
            if (score[p][i] == 0 && i % 2) score[p][i] = -0.0f;
            before[p][i] = mask[p][i] = yl_rng_below(&rng, 4) > 0;
        }
    }
}

static int64_t masked(void)
{
    int64_t zeros = 0;
    for (int p = 0; p < PARTS; p++)
        for (int64_t i = 0; i < counts[p]; i++) zeros += !mask[p][i];
    return zeros;
}

static void check(int64_t zeros)
{
    static place all[PARTS * MOST];
    int64_t n = 0, left = zeros - masked();
    for (int p = 0; p < PARTS; p++)
        for (int64_t i = 0; i < counts[p]; i++)
            if (mask[p][i]) all[n++] = (place){score[p][i], p, (int)i};
    qsort(all, (size_t)n, sizeof *all, by_score);
    for (int64_t k = 0; k < left; k++) before[all[k].part][all[k].index] = 0;
    assert_int_equal(yl_prune_select(PARTS, parts, zeros, 2), YL_OK);
    assert_int_equal(masked(), zeros);
    for (int p = 0; p < PARTS; p++) assert_memory_equal(mask[p], before[p], (size_t)counts[p]);
}

/* Parts of several runs of 65536 numbers each: ties go in order across them. */
static void test_long_parts(void **state)
{
    static const int64_t some[] = {1, 60000, 70001, 139999};
    int64_t before_[PARTS];
    (void)state;
    memcpy(before_, counts, sizeof counts);
    memcpy(counts, (int64_t[PARTS]){70000, 3, 131073}, sizeof counts);
    for (int kinds = 0; kinds < 5; kinds += 2) {
        for (int k = 0; k < 4; k++) {
            fill((uint32_t)k + 3, kinds);
            check(masked() + some[k]);
        }
        fill(9, kinds);
        check(counts[0] + counts[1] + counts[2]);
    }
    memcpy(counts, before_, sizeof counts);
}

static void test_against_a_sort(void **state)
{
    (void)state;
    for (int kinds = 0; kinds < 8; kinds += kinds ? 3 : 1) {
        for (int64_t more = 0; more <= 2000; more += more ? 487 : 1) {
            fill((uint32_t)(more + 1), kinds);
            check(masked() + more);
        }
        fill(9, kinds);
        check(counts[0] + counts[1] + counts[2]);
    }
}

/* Round by round: what is masked stays so. */
static void test_rounds(void **state)
{
    (void)state;
    fill(3, 5);
    for (int64_t zeros = masked(); zeros < 3000; zeros += 211) check(zeros);
}

static void refused(int64_t zeros, yl_status status, const char *sentence)
{
    uint8_t copy[PARTS][MOST];
    memcpy(copy, mask, sizeof copy);
    assert_int_equal(yl_prune_select(PARTS, parts, zeros, 1), status);
    assert_string_equal(yl_error(), sentence);
    assert_memory_equal(copy, mask, sizeof copy);
}

static void test_refusals(void **state)
{
    (void)state;
    fill(4, 0);
    memset(mask, 1, sizeof mask);
    mask[1][0] = mask[1][1] = 0;
    score[1][1] = NAN; /* of what is masked: nobody looks */
    refused(1, YL_INVALID, "2 of 3201 numbers are masked already: expected at least as many, got 1");
    score[0][0] = score[2][5] = INFINITY;
    refused(3200, YL_INVALID, "at most 3199 of 3201 numbers can be masked, got 3200");
    score[2][6] = -INFINITY;
    score[2][7] = NAN;
    refused(7, YL_NUMERIC, "the score of conv1.weight is NaN at place 8");
    score[2][7] = 0;
    assert_int_equal(yl_prune_select(PARTS, parts, 3, 1), YL_OK);
    assert_int_equal(mask[2][6], 0);
    assert_int_equal(yl_prune_select(PARTS, parts, 3199, 1), YL_OK);
    assert_true(mask[0][0] && mask[2][5]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_a_sort), cmocka_unit_test(test_long_parts),
                                       cmocka_unit_test(test_rounds), cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
