/* Jitter: each border of the view moves by at most its share of the side, in and out, on its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "augment/record.h"

static void borders_move_within_bounds(void **state)
{
    (void)state;
    yl_augment_options options = {.jitter = .2};
    double least[4] = {9, 9, 9, 9}, most[4] = {-9, -9, -9, -9};
    for (uint32_t i = 0; i < 2000; i++) {
        yl_rng rng = yl_rng_make(8, 0, i);
        yl_record r;
        yl_record_stretch(&r, 1000, 500, 10, 10);
        yl_augment_jitter(&options, &rng, &r);
        const yl_warp_geom *g = &r.warp;
        double moved[4] = {g->view_x / 1000, g->view_y / 500, 1 - (g->view_x + g->view_w) / 1000,
                           1 - (g->view_y + g->view_h) / 500};
        for (int k = 0; k < 4; k++) {
            least[k] = fmin(least[k], moved[k]);
            most[k] = fmax(most[k], moved[k]);
        }
    }
    for (int k = 0; k < 4; k++) {
        assert_true(least[k] >= -.2 - 1e-12 && least[k] < -.198);
        assert_true(most[k] <= .2 + 1e-12 && most[k] > .198);
    }
}

static void off_is_off(void **state)
{
    (void)state;
    yl_augment_options options = {.jitter = 0};
    yl_rng rng = yl_rng_make(8, 0, 0);
    yl_record r, before;
    yl_record_letterbox(&r, 1000, 500, 10, 10);
    before = r;
    yl_augment_jitter(&options, &rng, &r);
    assert_true(r.warp.view_x == before.warp.view_x && r.warp.view_w == before.warp.view_w &&
                r.warp.view_h == before.warp.view_h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(borders_move_within_bounds), cmocka_unit_test(off_is_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
