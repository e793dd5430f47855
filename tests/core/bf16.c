/* bf16 against its definition, computed in double precision: every one of its numbers, and what lies between two neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/bf16.h"

/* (-1)^s 2^(e - 127) (1 + f / 128), or (-1)^s 2^-126 f / 128 where e = 0 */
static double value_of(uint16_t half)
{
    int exponent = half >> 7 & 255, fraction = half & 127;
    double size = exponent ? ldexp(128 + fraction, exponent - 134) : ldexp(fraction, -133);
    return half & 0x8000 ? -size : size;
}

static void test_every_number(void **state)
{
    (void)state;
    for (int half = 0; half < 65536; half++) {
        float value = yl_of_bf16((uint16_t)half);
        if ((half & 0x7F80) == 0x7F80) { /* infinity, or NaN, which stays one */
            assert_true((half & 127) ? isnan(value) : isinf(value));
            assert_true((half & 127) ? isnan(yl_of_bf16(yl_to_bf16(value))) : yl_to_bf16(value) == half);
            continue;
        }
        assert_true((double)value == value_of((uint16_t)half));
        assert_int_equal(yl_to_bf16(value), half);
    }
}

/* Between a number and the next: below the middle down, above it up, and the middle itself to the even one. */
static void test_rounding(void **state)
{
    (void)state;
    for (int half = 0; half < 0x7F80; half++) {
        double low = value_of((uint16_t)half), high = half == 0x7F7F ? ldexp(1, 128) : value_of((uint16_t)(half + 1));
        float middle = (float)((low + high) / 2);
        assert_true((double)middle == (low + high) / 2);
        for (int sign = 0; sign < 2; sign++) {
            float s = sign ? -1 : 1;
            int top = sign ? 0x8000 : 0;
            assert_int_equal(yl_to_bf16(s * middle), top | (half + (half & 1)));
            assert_int_equal(yl_to_bf16(s * nextafterf(middle, 0)), top | half);
            assert_int_equal(yl_to_bf16(s * nextafterf(middle, INFINITY)), top | (half + 1));
        }
    }
    assert_int_equal(yl_to_bf16(INFINITY), 0x7F80);
    assert_int_equal(yl_to_bf16(-INFINITY), 0xFF80);
}

/* A NaN whose payload lies in the half that is dropped must not become infinity. */
static void test_small_nan(void **state)
{
    uint32_t bits = 0x7F800001;
    float nan;
    (void)state;
    memcpy(&nan, &bits, sizeof nan);
    assert_true(isnan(yl_of_bf16(yl_to_bf16(nan))));
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
