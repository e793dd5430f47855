/* The clock: it moves on, and never back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/clock.h"

static void test_moves_on(void **state)
{
    (void)state;
    double start = yl__now(), last = start;
    while (last - start < 1e-4) {
        double t = yl__now();
        assert_true(t >= last);
        last = t;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_moves_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
