/* Records: the two ways of resizing, boxes there and back, and draws that do not depend on which augmentations are on.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "augment/record.h"

/* Darknet's letterbox: the side that fits decides, the other is an integer division. */
static void letterbox_rounds_as_darknet(void **state)
{
    (void)state;
    for (int64_t w = 7; w < 1500; w += 113)
        for (int64_t h = 5; h < 1200; h += 97) {
            yl_record r;
            yl_record_letterbox(&r, w, h, 416, 320);
            int64_t new_w = w, new_h = h;
            if ((float)416 / (float)w < (float)320 / (float)h)
                new_w = 416, new_h = h * 416 / w;
            else
                new_h = 320, new_w = w * 320 / h;
            assert_int_equal(r.warp.pane_w, new_w < 1 ? 1 : new_w);
            assert_int_equal(r.warp.pane_h, new_h < 1 ? 1 : new_h);
            assert_int_equal(r.warp.pane_x, (416 - r.warp.pane_w) / 2);
            assert_int_equal(r.warp.pane_y, (320 - r.warp.pane_h) / 2);
        }
}

static void stretch_maps_fractions(void **state)
{
    (void)state;
    yl_record r;
    yl_record_stretch(&r, 1242, 375, 416, 128);
    yl_box b = yl_record_forward(&r, (yl_box){0, 0, 1242, 375});
    assert_true(b.x1 == 0 && b.y1 == 0 && fabs(b.x2 - 1) < 1e-15 && fabs(b.y2 - 1) < 1e-15);
    b = yl_record_forward(&r, (yl_box){621, 75, 1242, 150});
    assert_true(fabs(b.x1 - .5) < 1e-15 && fabs(b.y1 - .2) < 1e-15 && fabs(b.y2 - .4) < 1e-15);
    yl_box pane = yl_record_pane(&r);
    assert_true(pane.x1 == 0 && pane.y1 == 0 && pane.x2 == 1 && pane.y2 == 1);
}

static void boxes_come_back(void **state)
{
    (void)state;
    const yl_augment_options options = {.flip = true, .jitter = .3, .hue = .1, .saturation = 2, .exposure = 2};
    for (uint32_t i = 0; i < 500; i++) {
        yl_rng rng = yl_rng_make(3, 0, i);
        yl_record r;
        (i & 1 ? yl_record_letterbox : yl_record_stretch)(&r, 50 + i, 300, 416, 128);
        yl_augment_all(&options, &rng, &r);
        yl_box box = {10.5, 20, 40, 77.25}, to = yl_record_forward(&r, box);
        double m[4];
        yl_record_inverse(&r, m);
        double x1 = m[0] * to.x1 + m[1], x2 = m[0] * to.x2 + m[1];
        assert_true(to.x1 < to.x2 && to.y1 < to.y2);
        assert_true(fabs(fmin(x1, x2) - 10.5) < 1e-9 && fabs(fmax(x1, x2) - 40) < 1e-9);
        assert_true(fabs(m[2] * to.y1 + m[3] - 20) < 1e-9 && fabs(m[2] * to.y2 + m[3] - 77.25) < 1e-9);
    }
}

/* Flipping a flipped picture gives the picture: boxes mirror about the pane's middle. */
static void flip_mirrors(void **state)
{
    (void)state;
    yl_record r;
    yl_record_letterbox(&r, 100, 400, 64, 64);
    yl_box straight = yl_record_forward(&r, (yl_box){10, 0, 30, 400}), pane = yl_record_pane(&r);
    r.warp.flip = true;
    yl_box mirrored = yl_record_forward(&r, (yl_box){10, 0, 30, 400});
    assert_true(fabs(mirrored.x1 - (pane.x1 + pane.x2 - straight.x2)) < 1e-12);
    assert_true(fabs(mirrored.x2 - (pane.x1 + pane.x2 - straight.x1)) < 1e-12);
}

/* Whether one augmentation is on changes nothing about the numbers that the others draw. */
static void draws_are_independent(void **state)
{
    (void)state;
    const yl_augment_options all = {.flip = true, .jitter = .2, .hue = .1, .saturation = 1.5, .exposure = 1.5};
    yl_augment_options some = {.saturation = 1.5, .exposure = 1.5, .hue = .1};
    for (uint32_t i = 0; i < 50; i++) {
        yl_rng a = yl_rng_make(1, 2, i), b = yl_rng_make(1, 2, i);
        yl_record one, two;
        yl_record_stretch(&one, 100, 100, 50, 50);
        yl_record_stretch(&two, 100, 100, 50, 50);
        yl_augment_all(&all, &a, &one);
        yl_augment_all(&some, &b, &two);
        assert_true(one.warp.hue == two.warp.hue && one.warp.saturation == two.warp.saturation);
        assert_true(one.warp.exposure == two.warp.exposure);
        assert_int_equal(yl_rng_u32(&a), yl_rng_u32(&b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letterbox_rounds_as_darknet),
        cmocka_unit_test(stretch_maps_fractions),
        cmocka_unit_test(boxes_come_back),
        cmocka_unit_test(flip_mirrors),
        cmocka_unit_test(draws_are_independent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
