/* What a byte stands for, and the ranges that are chosen out of a histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/rng.h"
#include "net/calibration.h"

static void ranges_hold_zero(void **state)
{
    (void)state;
    yl_quant q = yl_quant_of(0, 255);
    assert_true(q.scale == 1 && q.zero == 0);
    q = yl_quant_of(1, 2); /* widened */
    assert_true(q.scale == (float)(2.0 / 255) && q.zero == 0);
    q = yl_quant_of(-3, -1);
    assert_true(q.scale == (float)(3.0 / 255) && q.zero == 255);
    q = yl_quant_of(-1, 3);
    assert_int_equal(q.zero, 64); /* 63.75 */
    q = yl_quant_of(0, 0);
    assert_true(q.scale == 1 && q.zero == 0);
    q = yl_quant_of(-1e-40, 1e-40);
    assert_true(q.scale == 1);
}

enum { COUNT = 200000 };
static float numbers[COUNT];
static yl_histogram h;

/* Half a normal distribution, and a few numbers far out. */
static void gather(void)
{
    yl_rng rng = yl_rng_make(5, 0, 0);
    for (int i = 0; i < COUNT; i++) numbers[i] = (float)fabs(yl_rng_normal(&rng));
    for (int i = 0; i < 5; i++) numbers[i * 1000] = 40;
    memset(&h, 0, sizeof h);
    assert_int_equal(yl_histogram_extremes(&h, COUNT / 2, numbers), YL_OK);
    assert_int_equal(yl_histogram_extremes(&h, COUNT / 2, numbers + COUNT / 2), YL_OK);
    yl_histogram_add(&h, COUNT, numbers);
    int64_t sum = 0;
    for (int i = 0; i < YL_HISTOGRAM; i++) sum += h.bins[i];
    assert_int_equal(sum, COUNT);
    assert_int_equal(h.count, COUNT);
}

static double squares(double low, double high)
{
    yl_quant q = yl_quant_of(low, high);
    double sum = 0;
    for (int i = 0; i < COUNT; i++) {
        double off = numbers[i] - q.scale * (fmin(fmax(rint(numbers[i] / q.scale) + q.zero, 0), 255) - q.zero);
        sum += off * off;
    }
    return sum;
}

static void methods(void **state)
{
    (void)state;
    double low, high, most = 0, least;
    gather();
    yl_histogram_range(&h, YL_RANGE_MINMAX, 0, &low, &high);
    assert_true(low == h.low && high == 40);
    yl_histogram_range(&h, YL_RANGE_PERCENTILE, 0.999, &low, &high);
    assert_true(high > 3 && high < 4); /* 99.95 % of half a normal distribution lie below 3.48 */
    yl_histogram_range(&h, YL_RANGE_KL, 0, &low, &high);
    assert_true(high < 20);
    yl_histogram_range(&h, YL_RANGE_MSE, 0, &low, &high);
    least = squares(fmin(low, 0), high);
    for (double to = 1; to <= 40; to += 0.5) {
        assert_true(squares(0, to) > 0.97 * least); /* the histogram's bins are not the numbers */
        most = fmax(most, squares(0, to));
    }
    assert_true(most > 2 * least);
    double norm = 0;
    for (int i = 0; i < COUNT; i++) norm += (double)numbers[i] * numbers[i];
    double off = yl_histogram_error(&h, low, high) / sqrt(least / norm);
    assert_true(off > 0.95 && off < 1.05);
}

static void nothing_and_one_number(void **state)
{
    (void)state;
    float same[3] = {2, 2, 2}, bad[2] = {1, NAN};
    double low, high;
    memset(&h, 0, sizeof h);
    assert_int_equal(yl_histogram_extremes(&h, 3, same), YL_OK);
    yl_histogram_add(&h, 3, same);
    for (int m = YL_RANGE_MINMAX; m <= YL_RANGE_KL; m++) {
        yl_histogram_range(&h, (yl_range_method)m, 0.9, &low, &high);
        assert_true(low == 2 && high == 2);
    }
    assert_int_equal(yl_histogram_extremes(&h, 2, bad), YL_NUMERIC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_hold_zero),
        cmocka_unit_test(methods),
        cmocka_unit_test(nothing_and_one_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
