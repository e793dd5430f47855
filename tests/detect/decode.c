/* Boxes out of a head's output: numbers worked out by hand, thresholds, order, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/memory.h"
#include "detect/decode.h"
#include "layers/heads.h"

#include <math.h>
#include <string.h>

static void near(double got, double want)
{
    if (!(fabs(got - want) <= 1e-9 * fmax(1, fabs(want)))) fail_msg("got %.12g, expected %.12g", got, want);
}

static void check_box(yl_box got, double cx, double cy, double w, double h)
{
    near(got.x1, cx - w / 2);
    near(got.y1, cy - h / 2);
    near(got.x2, cx + w / 2);
    near(got.y2, cy + h / 2);
}

/* One row of two cells, two anchors, two classes: entries x, y, w, h, objectness, classes. */
static yl_region_options region_options = {.anchors = {4, {1, 2, 3, 0.5}}, .classes = 2, .num = 2, .coords = 4};
static yl_layer region = {.kind = &yl_layer_region, .name = "region1", .options = &region_options};
static const yl_shape region_shape = {2, 1, 2, 14};

static void put(float *y, int cell, int anchor, const float entry[7])
{
    memcpy(y + (cell * 2 + anchor) * 7, entry, 7 * sizeof *entry);
}

/* All attributes behind the classes: sine and cosine, four probabilities, a share; a head without them finds them unknown. */
static void test_attributes(void **state)
{
    (void)state;
    yl_region_options options = region_options;
    options.num = 1;
    options.anchors.count = 2;
    options.attributes.set = 7;
    yl_layer head = {.kind = &yl_layer_region, .name = "region1", .options = &options};
    const float y[14] = {0.5f, 0.5f, 0, 0, 1, 1, 0, -2, 2, 0.25f, 0.125f, 0.5f, 0.125f, 0.75f};
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    assert_int_equal(yl_decode_head(&head, y, (yl_shape){1, 1, 1, 14}, 64, 32, 0, 0.25, &list, &count, &capacity),
                     YL_OK);
    assert_int_equal(count, 1);
    near(list[0].attributes[YL_ATTRIBUTE_orientation], -YL_TURN / 8);
    near(list[0].attributes[YL_ATTRIBUTE_occlusion], 2);
    near(list[0].attributes[YL_ATTRIBUTE_truncation], 0.75);
    options.attributes.set = 1 << YL_ATTRIBUTE_truncation;
    const float share[8] = {0.5f, 0.5f, 0, 0, 1, 1, 0, 0.25f};
    assert_int_equal(yl_decode_head(&head, share, (yl_shape){1, 1, 1, 8}, 64, 32, 0, 0.25, &list, &count, &capacity),
                     YL_OK);
    near(list[1].attributes[YL_ATTRIBUTE_orientation], -10);
    near(list[1].attributes[YL_ATTRIBUTE_occlusion], -1);
    near(list[1].attributes[YL_ATTRIBUTE_truncation], 0.25);
    yl__free(list);
}

static void test_region(void **state)
{
    (void)state;
    float y[56] = {0};
    put(y, 0, 1, (float[]){0.25f, 0.5f, 0, 0, 0.5f, 0.5f, 0.25f});
    put(y, 1, 0, (float[]){0.75f, 0.125f, 1, -1, 1, 0.125f, 1});
    put(y + 28, 1, 1, (float[]){0.5f, 0.5f, 0, 0, 1, 0, 0.875f});
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 0, 0.25, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 2); /* a score of exactly 0.25 counts, 0.125 does not */
    assert_int_equal(list[0].class_index, 0);
    near(list[0].score, 0.25);
    check_box(list[0].box, 0.125, 0.5, 1.5, 0.5);
    assert_int_equal(list[1].class_index, 1);
    near(list[1].score, 1);
    check_box(list[1].box, 0.875, 0.125, exp(1) / 2, 2 * exp(-1));
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 1, 0.25, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 3); /* appended */
    check_box(list[2].box, 0.75, 0.5, 1.5, 0.5);
    assert_int_equal(list[0].anchor, 1); /* the box says which anchor it is of */
    assert_int_equal(list[1].anchor, 0);
    assert_int_equal(list[2].anchor, 1);
    yl__free(list);
}

static void test_every_class_of_a_box(void **state)
{
    (void)state;
    float y[56] = {0};
    put(y, 0, 0, (float[]){0.5f, 0.5f, 0, 0, 0.5f, 0.5f, 0.5f});
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 0, 0.1, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(list[0].class_index, 0);
    assert_int_equal(list[1].class_index, 1);
    assert_memory_equal(&list[0].box, &list[1].box, sizeof list[0].box);
    yl__free(list);
}

/* A head of anchors 2 and 0 of three, in pixels of a 64 x 32 input; x and y stretched by 1.2. */
static void test_yolo(void **state)
{
    (void)state;
    yl_yolo_options options = {
        .anchors = {6, {8, 4, 16, 16, 32, 8}}, .mask = {2, {2, 0}}, .classes = 2, .num = 3, .scale_x_y = 1.2};
    yl_layer yolo = {.kind = &yl_layer_yolo, .name = "yolo1", .options = &options};
    float y[28] = {0};
    put(y, 0, 0, (float[]){0, 1, 0, 0, 1, 1, 0});
    put(y, 1, 1, (float[]){0.5f, 0.5f, 0, 1, 1, 0, 1});
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    yl_shape shape = {1, 1, 2, 14};
    assert_int_equal(yl_decode_head(&yolo, y, shape, 64, 32, 0, 0.5, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 2);
    check_box(list[0].box, -0.1 / 2, 1.1, 0.5, 0.25);
    check_box(list[1].box, 0.75, 0.5, 0.125, 0.125 * exp(1));
    yl__free(list);
}

static void test_new_coords(void **state)
{
    (void)state;
    yl_yolo_options options = {
        .anchors = {4, {8, 4, 32, 8}}, .classes = 2, .num = 2, .scale_x_y = 2, .new_coords = true};
    yl_layer yolo = {.kind = &yl_layer_yolo, .name = "yolo1", .options = &options};
    float y[28] = {0};
    put(y, 1, 1, (float[]){0.5f, 1, 0.75f, 0.25f, 1, 0, 1});
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    yl_shape shape = {1, 1, 2, 14};
    assert_int_equal(yl_decode_head(&yolo, y, shape, 64, 32, 0, 0.5, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 1);
    check_box(list[0].box, 0.75, 1.5, 0.5 * 2.25, 0.25 * 0.25);
    yl__free(list);
}

static void test_extremes_stay_finite(void **state)
{
    (void)state;
    float y[56] = {0};
    put(y, 0, 0, (float[]){0.5f, 0.5f, 3e38f, -3e38f, 1, 1, 0});
    put(y, 0, 1, (float[]){0.5f, 0.5f, 0, 0, NAN, 1, 1});
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 0, 0.25, &list, &count, &capacity), YL_OK);
    assert_int_equal(count, 1); /* NaN reaches no threshold */
    assert_true(isfinite(yl_box_area(list[0].box)) && yl_box_height(list[0].box) >= 0);
    yl__free(list);
}

static void test_refusals(void **state)
{
    (void)state;
    float y[56] = {0};
    yl_detection *list = NULL;
    int64_t count = 0, capacity = 0;
    yl_layer pool = {.kind = &yl_layer_maxpool, .name = "maxpool3"};
    assert_int_equal(yl_decode_head(&pool, y, region_shape, 64, 32, 0, 0.1, &list, &count, &capacity), YL_INVALID);
    assert_non_null(strstr(yl_error(), "maxpool3: expected a detection head"));
    yl_shape wrong = {2, 1, 2, 13};
    assert_int_equal(yl_decode_head(&region, y, wrong, 64, 32, 0, 0.1, &list, &count, &capacity), YL_INVALID);
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 2, 0.1, &list, &count, &capacity), YL_INVALID);
    assert_non_null(strstr(yl_error(), "image 2"));
    put(y, 0, 0, (float[]){0.5f, 0.5f, 0, 0, 1, 1, 0});
    yl__alloc_fail_at(1);
    assert_int_equal(yl_decode_head(&region, y, region_shape, 64, 32, 0, 0.1, &list, &count, &capacity), YL_MEMORY);
    yl__alloc_fail_at(0);
    assert_int_equal(count, 0);
    yl__free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_region),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_every_class_of_a_box),
        cmocka_unit_test(test_yolo),
        cmocka_unit_test(test_extremes_stay_finite),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_new_coords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
