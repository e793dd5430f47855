/* f16 against its definition, computed in double precision: every one of its numbers, and what lies between two neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/f16.h"

/* (-1)^s 2^(e - 15) (1 + f / 1024), or (-1)^s 2^-14 f / 1024 where e = 0 */
static double value_of(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    double size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return half & 0x8000 ? -size : size;
}

static void test_every_number(void **state)
{
    (void)state;
    for (int half = 0; half < 65536; half++) {
        float value = yl_of_f16((uint16_t)half);
        if ((half & 0x7C00) == 0x7C00) { /* infinity, or NaN, which stays one */
            assert_true((half & 1023) ? isnan(value) : isinf(value));
            assert_true((half & 1023) ? isnan(yl_of_f16(yl_to_f16(value))) : yl_to_f16(value) == half);
            continue;
        }
        assert_true((double)value == value_of((uint16_t)half));
        assert_int_equal(yl_to_f16(value), half);
    }
}

/* Between a number and the next: below the middle down, above it up, and the middle itself to the even one. */
static void test_rounding(void **state)
{
    (void)state;
    for (int half = 0; half < 0x7C00; half++) {
        double low = value_of((uint16_t)half), high = half == 0x7BFF ? 65536 : value_of((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2);
        assert_true((double)middle == (low + high) / 2);
        for (int sign = 0; sign < 2; sign++) {
            float s = sign ? -1 : 1;
            int top = sign ? 0x8000 : 0;
            assert_int_equal(yl_to_f16(s * middle), top | (half + (half & 1)));
            assert_int_equal(yl_to_f16(s * nextafterf(middle, 0)), top | half);
            assert_int_equal(yl_to_f16(s * nextafterf(middle, INFINITY)), top | (half + 1));
        }
    }
    assert_int_equal(yl_to_f16(INFINITY), 0x7C00);
    assert_int_equal(yl_to_f16(1e30f), 0x7C00);
    assert_int_equal(yl_to_f16(-INFINITY), 0xFC00);
    assert_int_equal(yl_to_f16(-1e-30f), 0x8000);
}

/* A NaN whose payload lies in what is dropped must not become infinity. */
static void test_small_nan(void **state)
{
    uint32_t bits = 0x7F800001;
    float nan;
    (void)state;
    memcpy(&nan, &bits, sizeof nan);
    assert_true(isnan(yl_of_f16(yl_to_f16(nan))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_small_nan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
