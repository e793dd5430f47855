/* Relative indices: the paper's example, and random lists there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "compress/sparse.h"
#include "core/rng.h"

enum { COUNT = 3000 };
static uint16_t codes[COUNT], again[COUNT], gaps[COUNT], kept[COUNT];

/* Figure 2: values at 1, 4 and 15; with 3 bits the last one needs a filler zero at 12. */
static void test_figure_2(void **state)
{
    (void)state;
    const uint16_t list[16] = {0, 34, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 17};
    assert_int_equal(yl_sparse_count(16, list, 3), 4);
    yl_sparse_split(16, list, 3, gaps, kept);
    assert_memory_equal(gaps, ((uint16_t[]){1, 2, 7, 2}), 8);
    assert_memory_equal(kept, ((uint16_t[]){34, 9, 0, 17}), 8);
    assert_int_equal(yl_sparse_join(4, gaps, kept, 16, again), YL_OK);
    assert_memory_equal(again, list, sizeof list);
}

static void test_there_and_back(void **state)
{
    (void)state;
    for (int bits = 1; bits <= YL_SPARSE_BITS; bits++)
        for (int64_t rare = 1; rare < 400; rare = 3 * rare + 1) {
            yl_rng rng = yl_rng_make((uint64_t)(bits + rare), 0, 0);
            for (int i = 0; i < COUNT; i++)
                codes[i] = yl_rng_below(&rng, rare) ? 0 : (uint16_t)(1 + yl_rng_below(&rng, 200));
            int64_t entries = yl_sparse_count(COUNT, codes, bits);
            yl_sparse_split(COUNT, codes, bits, gaps, kept);
            for (int64_t i = 0; i < entries; i++) assert_true(gaps[i] < 1 << bits);
            assert_int_equal(yl_sparse_join(entries, gaps, kept, COUNT, again), YL_OK);
            assert_memory_equal(again, codes, sizeof codes);
        }
}

static void test_beyond_the_end(void **state)
{
    (void)state;
    const uint16_t g[2] = {3, 4}, k[2] = {1, 1};
    assert_int_equal(yl_sparse_join(2, g, k, 9, again), YL_OK);
    assert_int_equal(yl_sparse_join(2, g, k, 8, again), YL_FORMAT);
    assert_string_equal(yl_error(), "entry 2 of 2 lies beyond the last of 8 numbers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figure_2),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_beyond_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
