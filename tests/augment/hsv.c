/* Colour: factors between 1/f and f, as often below one as above, hue within its bounds either way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "augment/record.h"

static void ranges(void **state)
{
    (void)state;
    yl_augment_options options = {.hue = .1, .saturation = 1.5, .exposure = 2};
    int above[3] = {0};
    float low[3] = {9, 9, 9}, high[3] = {-9, -9, -9};
    for (uint32_t i = 0; i < 2000; i++) {
        yl_rng rng = yl_rng_make(6, 0, i);
        yl_record r;
        yl_record_stretch(&r, 30, 20, 10, 10);
        yl_augment_hsv(&options, &rng, &r);
        float value[3] = {r.warp.hue, r.warp.saturation, r.warp.exposure};
        for (int k = 0; k < 3; k++) {
            above[k] += value[k] > (k ? 1.0f : 0.0f);
            low[k] = fminf(low[k], value[k]);
            high[k] = fmaxf(high[k], value[k]);
        }
    }
    for (int k = 0; k < 3; k++) assert_in_range(above[k], 910, 1090);
    const float want[3][2] = {{-.1f, .1f}, {1 / 1.5f, 1.5f}, {.5f, 2}};
    for (int k = 0; k < 3; k++) {
        assert_true(low[k] >= want[k][0] - 1e-6f && high[k] <= want[k][1] + 1e-6f);
        assert_true(low[k] < want[k][0] + .01f && high[k] > want[k][1] - .01f);
    }
}

static void off_is_off(void **state)
{
    (void)state;
    yl_augment_options options = {.saturation = 1, .exposure = 1};
    yl_rng rng = yl_rng_make(6, 0, 0);
    yl_record r;
    yl_record_stretch(&r, 30, 20, 10, 10);
    yl_augment_hsv(&options, &rng, &r);
    assert_true(r.warp.hue == 0 && r.warp.saturation == 1 && r.warp.exposure == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges), cmocka_unit_test(off_is_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
