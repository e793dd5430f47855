/* The matrix product against three loops in double precision, with every layout and leading dimensions wider than a
 * row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/rng.h"
#include "backend/device.h"
#include "kernels/kernels.h"

enum { M = 13, N = 7, K = 21, LEAD = 24 };

static float a[LEAD * LEAD], b[LEAD * LEAD], c[LEAD * LEAD];

static double element(const float *x, bool transposed, int64_t lead, int64_t i, int64_t j)
{
    return x[transposed ? j * lead + i : i * lead + j];
}

static void check(const yl_matmul_geom *g)
{
    yl_device *cpu;
    assert_int_equal(yl_device_get("cpu", &cpu), YL_OK);
    yl_ctx ctx = yl__ctx(cpu);
    for (int i = 0; i < LEAD * LEAD; i++) c[i] = -7;
    assert_int_equal(cpu->kernels->matmul(&ctx, g, a, b, c), YL_OK);
    for (int64_t i = 0; i < LEAD * LEAD; i++) {
        int64_t row = i / g->ldc, column = i % g->ldc;
        if (row >= g->m || column >= g->n) {
            assert_true(c[i] == -7); /* nothing outside the product is written */
            continue;
        }
        double sum = g->beta * -7;
        for (int64_t k = 0; k < g->k; k++)
            sum += element(a, g->at, g->lda, row, k) * element(b, g->bt, g->ldb, k, column);
        assert_true(fabs(c[i] - sum) < 1e-4);
    }
}

static void test_layouts(void **state)
{
    (void)state;
    for (int layout = 0; layout < 4; layout++) {
        bool at = layout & 1, bt = layout & 2;
        check(&(yl_matmul_geom){M, N, K, LEAD, LEAD, LEAD, at, bt, 0});
        check(&(yl_matmul_geom){M, N, K, LEAD, LEAD, LEAD, at, bt, 1});          /* added */
        check(&(yl_matmul_geom){M, N, K, at ? M : K, bt ? K : N, N, at, bt, 0}); /* packed */
        check(&(yl_matmul_geom){1, N, K, LEAD, LEAD, N, at, bt, 0});
        check(&(yl_matmul_geom){M, 1, K, LEAD, LEAD, 1, at, bt, 0});
        check(&(yl_matmul_geom){M, N, 1, LEAD, LEAD, N, at, bt, 0});
    }
}

static int set_up(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(4, 0, 0);
    for (int i = 0; i < LEAD * LEAD; i++) {
        a[i] = (float)yl_rng_normal(&rng);
        b[i] = (float)yl_rng_normal(&rng);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_layouts)};
    return cmocka_run_group_tests(tests, set_up, NULL);
}
