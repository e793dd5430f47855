/* Boxes against areas counted on a grid, and the decode formulas written out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "core/box.h"
#include "core/rng.h"

static void near(double a, double b)
{
    if (!(fabs(a - b) <= 1e-12 * fmax(1, fabs(b)))) fail_msg("%.17g is not %.17g", a, b);
}

/* Whole-numbered boxes: the unit cells inside both are counted one by one. */
static int cells(yl_box a, yl_box b, bool both)
{
    int count = 0;
    for (int x = 0; x < 12; x++) {
        for (int y = 0; y < 12; y++) {
            bool in_a = x >= a.x1 && x < a.x2 && y >= a.y1 && y < a.y2,
                 in_b = x >= b.x1 && x < b.x2 && y >= b.y1 && y < b.y2;
            count += both ? in_a && in_b : in_a || in_b;
        }
    }
    return count;
}

static yl_box random_box(yl_rng *rng)
{
    double x = (double)yl_rng_below(rng, 8), y = (double)yl_rng_below(rng, 8);
    return (yl_box){x, y, x + (double)yl_rng_below(rng, 5), y + (double)yl_rng_below(rng, 5)};
}

static void test_against_counted_cells(void **state)
{
    (void)state;
    yl_rng rng = yl_rng_make(1, 0, 0);
    for (int i = 0; i < 2000; i++) {
        yl_box a = random_box(&rng), b = random_box(&rng);
        int inter = cells(a, b, true), joint = cells(a, b, false);
        near(yl_box_intersection(a, b), inter);
        near(yl_box_iou(a, b), joint ? (double)inter / joint : 0);
        near(yl_box_iou(b, a), yl_box_iou(a, b));
        near(yl_box_area(a), cells(a, a, true));
        near(yl_box_width(a) * yl_box_height(a), yl_box_area(a));
    }
}

static void test_edges(void **state)
{
    (void)state;
    yl_box a = {0, 0, 4, 4}, beside = {4, 0, 8, 4}, point = {2, 2, 2, 2}, far_off = {10, 10, 11, 11};
    near(yl_box_intersection(a, beside), 0);
    near(yl_box_iou(a, a), 1);
    near(yl_box_iou(a, far_off), 0); /* two negative extents must not make a positive area */
    near(yl_box_iou(point, point), 0);
    near(yl_box_iou(a, point), 0);
}

static void test_corners(void **state)
{
    (void)state;
    yl_box b = yl_box_corners((const double[4]){0.5, 0.25, 0.2, 0.1});
    near(b.x1, 0.4);
    near(b.x2, 0.6);
    near(b.y1, 0.2);
    near(b.y2, 0.3);
}

static void test_region(void **state)
{
    (void)state;
    double box[4];
    const float entry[4] = {0.25f, 0.75f, 0.5f, -0.5f};
    yl_cell cell = {3, 5, 13, 10}; /* columns and rows differ: none may stand for the other */
    yl_decode_region(entry, 1.5, 2.5, cell, box);
    near(box[0], 3.25 / 13);
    near(box[1], 5.75 / 10);
    near(box[2], 1.5 * exp(0.5) / 13);
    near(box[3], 2.5 * exp(-0.5) / 10);
}

static void test_yolo(void **state)
{
    (void)state;
    double box[4];
    const float entry[4] = {0.25f, 0.75f, 0.5f, -0.5f};
    yl_cell cell = {3, 5, 13, 10};
    yl_decode_yolo(entry, 30, 60, 416, 320, 1, false, cell, box);
    near(box[0], 3.25 / 13);
    near(box[1], 5.75 / 10);
    near(box[2], 30 * exp(0.5) / 416);
    near(box[3], 60 * exp(-0.5) / 320);
    yl_decode_yolo(entry, 30, 60, 416, 320, 2, false, cell, box); /* 2 x - 0.5 */
    near(box[0], (3 + 2 * 0.25 - 0.5) / 13);
    near(box[1], (5 + 2 * 0.75 - 0.5) / 10);
    yl_decode_yolo(entry, 30, 60, 416, 320, 2, true, cell, box);
    near(box[2], 30 * 1.0 / 416); /* (2 * 0.5)^2 */
    near(box[3], 60 * 1.0 / 320);
}

static void test_no_size_overflows(void **state)
{
    (void)state;
    const float extremes[] = {1e30f, -1e30f, 3e38f, -3e38f, 0};
    for (int i = 0; i < 5; i++) {
        double box[4];
        const float entry[4] = {0, 0, extremes[i], extremes[i]};
        yl_decode_region(entry, 1, 1, (yl_cell){0, 0, 1, 1}, box);
        assert_true(isfinite(box[2]) && box[2] > 0 && isfinite(box[3]) && box[3] > 0);
        yl_decode_yolo(entry, 1, 1, 1, 1, 2, true, (yl_cell){0, 0, 1, 1}, box);
        assert_true(isfinite(box[2]) && box[2] >= 0 && isfinite(box[3]));
        assert_true(isfinite(yl_box_area(yl_box_corners(box))));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_counted_cells),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_corners),
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_yolo),
        cmocka_unit_test(test_no_size_overflows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
