/* Flip: half of the samples, nothing else of the record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "augment/record.h"

static void about_half(void **state)
{
    (void)state;
    yl_augment_options options = {.flip = true, .saturation = 1, .exposure = 1};
    int flipped = 0;
    for (uint32_t i = 0; i < 2000; i++) {
        yl_rng rng = yl_rng_make(5, 0, i);
        yl_record before, r;
        yl_record_stretch(&r, 30, 20, 10, 10);
        before = r;
        yl_augment_flip(&options, &rng, &r);
        flipped += r.warp.flip;
        r.warp.flip = false;
        assert_memory_equal(&before, &r, sizeof r);
    }
    assert_in_range(flipped, 910, 1090); /* four standard deviations */
}

static void off_is_off(void **state)
{
    (void)state;
    yl_augment_options options = {.flip = false};
    for (uint32_t i = 0; i < 100; i++) {
        yl_rng rng = yl_rng_make(5, 0, i);
        yl_record r;
        yl_record_stretch(&r, 30, 20, 10, 10);
        yl_augment_flip(&options, &rng, &r);
        assert_false(r.warp.flip);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(about_half), cmocka_unit_test(off_is_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
