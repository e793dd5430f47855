/* Label rows and split lists: fields, refusals with file and line, and the 2 % rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "core/file.h"
#include "formats/labels.h"

static const char row[] = "Car 0.25 1 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59";

static yl_status parse(const char *text, bool yolo, const yl_label_options *o, yl_labels *out)
{
    char *copy;
    yl_status status = yl__strdup(text, &copy);
    assert_int_equal(status, YL_OK);
    int64_t size = (int64_t)strlen(text);
    return yolo ? yl_labels_parse_yolo("a.txt", copy, size, o, out)
                : yl_labels_parse_kitti("a.txt", copy, size, o, out);
}

static void refused(const char *text, bool yolo, yl_label_options o, const char *where, const char *what)
{
    yl_labels labels;
    yl_status status = parse(text, yolo, &o, &labels);
    yl_labels_free(&labels);
    assert_int_equal(status, YL_FORMAT);
    if (!strstr(yl_error(), where) || !strstr(yl_error(), what))
        fail_msg("'%s' lacks '%s' or '%s'", yl_error(), where, what);
}

static void all_fields_of_a_row(void **state)
{
    (void)state;
    yl_labels l;
    yl_label_options o = {0};
    assert_int_equal(parse(row, false, &o, &l), YL_OK);
    assert_int_equal(l.count, 1);
    const yl_label *r = l.rows;
    const double got[] = {r->truncated,   r->occluded,    r->alpha,       r->box.x1,     r->box.y1,
                          r->box.x2,      r->box.y2,      r->dims[0],     r->dims[1],    r->dims[2],
                          r->location[0], r->location[1], r->location[2], r->rotation_y, r->score};
    const double want[] = {.25, 1, -1.58, 587.01, 173.33, 614.12, 200.12, 1.65, 1.67, 3.64, -.65, 1.71, 46.7, -1.59, 1};
    assert_string_equal(r->name, "Car");
    assert_int_equal(r->line, 1);
    assert_int_equal(r->class_index, -1);
    for (int i = 0; i < 15; i++) assert_true(got[i] == want[i]);
    yl_labels_free(&l);
}

static void blank_lines_carriage_returns_and_no_last_newline(void **state)
{
    (void)state;
    char text[512];
    yl_labels l;
    yl_label_options o = {0};
    snprintf(text, sizeof text, "\xEF\xBB\xBF\r\n  %s \r\n\n\t%s", row, row);
    assert_int_equal(parse(text, false, &o, &l), YL_OK);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.rows[0].line, 2);
    assert_int_equal(l.rows[1].line, 4);
    yl_labels_free(&l);
    assert_int_equal(parse("", false, &o, &l), YL_OK);
    assert_int_equal(l.count, 0);
    yl_labels_free(&l);
}

static void detections_have_a_score_and_keep_their_boxes(void **state)
{
    (void)state;
    yl_labels l;
    yl_label_options o = {.detections = true, .width = 100, .height = 100};
    assert_int_equal(parse("Car -1 -1 0.5 -40 10 30 5 -1 -1 -1 -1000 -1000 -1000 -10 -2.5e-1", false, &o, &l), YL_OK);
    assert_true(l.rows[0].score == -.25 && l.rows[0].box.x1 == -40 && l.rows[0].box.y2 == 5);
    yl_labels_free(&l);
    refused(row, false, o, "a.txt:1", "expected the 16 fields of a KITTI detection row, got 15");
}

static void bad_rows_are_named(void **state)
{
    (void)state;
    const yl_label_options none = {0};
    char text[512];
    refused("Car 0 0 0 1 2 3 4 5 6 7 8 9 1", false, none, "a.txt:1", "got 14");
    snprintf(text, sizeof text, "%s\n%s%s", row, row, row);
    refused(text, false, none, "a.txt:2", "got 29"); /* two rows run together: "-1.59Car" is one word */
    snprintf(text, sizeof text, "%s\nCar 0 0 0 abc 2 3 4 1 1 1 1 1 1 1", row);
    refused(text, false, none, "a.txt:2", "field 5 (left): expected a finite number, got 'abc'");
    refused("Car 0 0 0 nan 2 3 4 1 1 1 1 1 1 1", false, none, "a.txt:1", "(left)");
    refused("Car 0 0 0 1 2 inf 4 1 1 1 1 1 1 1", false, none, "a.txt:1", "(right)");
    refused("Car 0 0 0 1 2 3 4,5 1 1 1 1 1 1 1", false, none, "a.txt:1", "(bottom)");
    refused("Car 0 0 0 1 2 3 0x4 1 1 1 1 1 1 1", false, none, "a.txt:1", "(bottom)");
    refused("Car 0 0 0 5 2 3 4 1 1 1 1 1 1 1", false, none, "a.txt:1", "left < right"); /* inverted */
    refused("Car 0 0 0 3 9 3 4 1 1 1 1 1 1 1", false, none, "a.txt:1", "left < right"); /* inverted and empty */
    refused("Car 0 0 0 1 2 3 4 1 1 1 2e9 1 1 1", false, none, "a.txt:1",
            "field 12 (x): expected a number from -1e9 to");
    refused("Car 0 -1e300 0 1 2 3 4 1 1 1 1 1 1 1", false, none, "a.txt:1", "field 3 (occluded)");
}

static void classes_are_known_whatever_their_case(void **state)
{
    (void)state;
    static const char *const names[] = {"Car", "Pedestrian"};
    yl_label_options o = {.names = names, .name_count = 2};
    yl_labels l;
    assert_int_equal(parse("PEDESTRIAN 0 0 0 1 2 3 4 1 1 1 1 1 1 1", false, &o, &l), YL_OK);
    assert_int_equal(l.rows[0].class_index, 1);
    yl_labels_free(&l);
    refused("Pedestrain 0 0 0 1 2 3 4 1 1 1 1 1 1 1", false, o, "a.txt:1",
            "unknown class 'Pedestrain', did you mean 'Pedestrian'");
    refused("Dragon 0 0 0 1 2 3 4 1 1 1 1 1 1 1", false, o, "a.txt:1", "unknown class 'Dragon'");
}

static void boxes_may_leave_the_image_by_two_percent(void **state)
{
    (void)state;
    yl_label_options o = {.width = 1000, .height = 100};
    yl_labels l;
    /* 2 % of 1000 is 20 to the left and right, 2 % of 100 is 2 above and below */
    assert_int_equal(parse("Car 0 0 0 -20 -2 1020 102 1 1 1 1 1 1 1", false, &o, &l), YL_OK);
    assert_true(l.rows[0].box.x1 == 0 && l.rows[0].box.y1 == 0 && l.rows[0].box.x2 == 1000 && l.rows[0].box.y2 == 100);
    yl_labels_free(&l);
    refused("Car 0 0 0 -20.5 0 900 90 1 1 1 1 1 1 1", false, o, "a.txt:1", "inside the image of 1000 x 100");
    refused("Car 0 0 0 0 -2.5 900 90 1 1 1 1 1 1 1", false, o, "a.txt:1", "inside the image");
    refused("Car 0 0 0 0 0 1021 90 1 1 1 1 1 1 1", false, o, "a.txt:1", "inside the image");
    refused("Car 0 0 0 0 0 900 103 1 1 1 1 1 1 1", false, o, "a.txt:1", "inside the image");
    assert_int_equal(parse("Car 0 0 0 -20 0 -5 90 1 1 1 1 1 1 1", false, &o, &l), YL_OK); /* nothing is left of it */
    assert_true(l.count == 0 && l.flat.count == 1);
    yl_labels_free(&l);
    o = (yl_label_options){0};
    assert_int_equal(parse("Car 0 0 0 -500 -2 99999 102 1 1 1 1 1 1 1", false, &o, &l), YL_OK);
    assert_true(l.rows[0].box.x1 == -500);
    yl_labels_free(&l);
}

static void yolo_rows_are_fractions(void **state)
{
    (void)state;
    static const char *const names[] = {"person", "potted plant"};
    yl_label_options o = {.names = names, .name_count = 2, .width = 200, .height = 100};
    yl_labels l;
    assert_int_equal(parse("1 0.5 0.25 0.25 0.5\n0 .5 .5 1.02 1\n", true, &o, &l), YL_OK);
    assert_int_equal(l.count, 2);
    assert_string_equal(l.rows[0].name, "potted plant");
    /* centre (100, 25), size 50 x 50 */
    assert_true(l.rows[0].box.x1 == 75 && l.rows[0].box.y1 == 0 && l.rows[0].box.x2 == 125 && l.rows[0].box.y2 == 50);
    assert_true(l.rows[1].box.x1 == 0 && l.rows[1].box.x2 == 200); /* 1 % over each side: clipped */
    yl_labels_free(&l);
    refused("2 0.5 0.5 0.1 0.1", true, o, "a.txt:1", "expected a class from 0 to 1, got '2'");
    refused("0.5 0.5 0.5 0.1 0.1", true, o, "a.txt:1", "expected a class from 0 to 1, got '0.5'");
    refused("1e12 0.5 0.5 0.1 0.1", true, o, "a.txt:1", "expected a class from 0 to 1, got '1e12'");
    refused("0 0.5 0.5 0.1", true, o, "a.txt:1", "got 4");
    refused("0 0.5 0.5 -0.1 0.1", true, o, "a.txt:1", "left < right");
    refused("0 0.9 0.5 0.3 0.1", true, o, "a.txt:1", "inside the image");
    refused("0 0.5 0.5 nan 0.1", true, o, "a.txt:1", "field 4 (width)");
}

static void boxes_without_area_are_left_out_and_counted(void **state)
{
    (void)state;
    yl_labels l;
    yl_label_options o = {.width = 100, .height = 100};
    assert_int_equal(parse("0 .5 .5 .2 .2\n\n0 .5 .5 0 .2\n0 .5 .5 .2 0\n1 .5 .5 .1 .1\n", true, &o, &l), YL_OK);
    assert_true(l.count == 2 && l.rows[1].line == 5 && l.flat.count == 2 && l.flat.line == 3);
    yl_labels_free(&l);
    assert_int_equal(parse("Car 0 0 0 3 2 3 4 1 1 1 1 1 1 1", false, &o, &l), YL_OK);
    assert_true(l.count == 0 && l.flat.count == 1 && l.flat.line == 1);
    yl_labels_free(&l);
}

static void a_class_may_be_written_as_a_float(void **state)
{
    (void)state;
    yl_labels l;
    yl_label_options o = {.width = 100, .height = 100};
    assert_int_equal(parse("3.0 .5 .5 .2 .2\n", true, &o, &l), YL_OK);
    assert_int_equal(l.rows[0].class_index, 3);
    yl_labels_free(&l);
    refused("0 .5 .5 .2 .2\n3.5 .5 .5 .2 .2\n", true, o, "a.txt:2", "got '3.5'");
    refused("65536 .5 .5 .2 .2\n", true, o, "a.txt:1",
            "expected a class from 0 to 65535"); /* nobody named the classes */
    refused("-1 .5 .5 .2 .2\n", true, o, "a.txt:1", "got '-1'");
}

static void the_bounding_box_of_a_polygon_counts(void **state)
{
    (void)state;
    char text[4096] = "2";
    yl_labels l;
    yl_label_options o = {.width = 100, .height = 50};
    for (int i = 0; i < 100; i++)
        strcat(text, i % 2 ? " 0.25 0.8" : " 0.75 0.2"); /* more than any other row's fields */
    strcat(text, "\n0 .5 .5 .2 .2\n1 .1 .1 .3 .1 .3 .4");
    assert_int_equal(parse(text, true, &o, &l), YL_OK);
    assert_true(l.count == 3 && l.polygons.count == 2 && l.polygons.line == 1);
    const yl_box a = l.rows[0].box, b = l.rows[2].box;
    assert_true(a.x1 == 25 && a.y1 == 10 && a.x2 == 75 && a.y2 == 40);
    assert_true(b.x1 == .1 * 100 && b.y1 == .1 * 50 && b.x2 == .3 * 100 && b.y2 == .4 * 50);
    yl_labels_free(&l);
    refused("0 .1 .1 .3 .1 .3", true, o, "a.txt:1", "expected the 5 fields of a YOLO label row, got 6");
    refused("0 .1 .1 .3 .1 .3 x", true, o, "a.txt:1", "field 7 (y of a polygon)");
    refused("0 .1 .1 .3 .1 1.1 .4", true, o, "a.txt:1", "inside the image");
    o.detections = true;
    refused("0 .1 .1 .3 .1 .3 .4", true, o, "a.txt:1", "expected the 6 fields");
}

static void zero_bytes_are_not_text(void **state)
{
    (void)state;
    char *copy;
    yl_labels l;
    yl_label_options o = {0};
    assert_int_equal(yl__strdup(row, &copy), YL_OK);
    copy[3] = '\0';
    assert_int_equal(yl_labels_parse_kitti("a.txt", copy, (int64_t)sizeof row - 1, &o, &l), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "a.txt: expected text, got a zero byte at byte 3"));
    yl_labels_free(&l);
}

static void split_lists(void **state)
{
    (void)state;
    static const char path[] = "labels_list.txt", text[] = "000001\r\n\n  a folder/x.png \n000002";
    yl_list list;
    assert_int_equal(yl__file_write(path, text, (int64_t)sizeof text - 1), YL_OK);
    assert_int_equal(yl_list_read(path, &list), YL_OK);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0], "000001");
    assert_string_equal(list.items[1], "a folder/x.png");
    assert_string_equal(list.items[2], "000002");
    yl_list_free(&list);
    char line[10000]; /* a path that no system has */
    for (int i = 0; i < 10000; i++) line[i] = i % 2 ? '/' : 'a';
    assert_int_equal(yl__file_write(path, line, 10000), YL_OK);
    assert_int_equal(yl_list_read(path, &list), YL_FORMAT);
    assert_string_equal(yl_error(), "labels_list.txt:1: expected an id or path of at most 4096 bytes, got 10000");
    yl_list_free(&list);
    assert_int_equal(yl__file_write(path, " \n\n", 3), YL_OK);
    assert_int_equal(yl_list_read(path, &list), YL_FORMAT);
    assert_non_null(strstr(yl_error(), path));
    yl_list_free(&list);
    remove(path);
    assert_int_equal(yl_list_read(path, &list), YL_IO);
    assert_non_null(strstr(yl_error(), path));
    yl_list_free(&list);
}

static void failing_allocations_leak_nothing(void **state)
{
    (void)state;
    yl_label_options o = {0};
    for (int n = 1;; n++) {
        char *copy;
        yl_labels l;
        assert_int_equal(yl__strdup(row, &copy), YL_OK);
        yl__alloc_fail_at(n);
        yl_status status = yl_labels_parse_kitti("a.txt", copy, (int64_t)strlen(row), &o, &l);
        yl__alloc_fail_at(0);
        yl_labels_free(&l);
        if (status == YL_OK) return;
        assert_int_equal(status, YL_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_of_a_row),
        cmocka_unit_test(blank_lines_carriage_returns_and_no_last_newline),
        cmocka_unit_test(detections_have_a_score_and_keep_their_boxes),
        cmocka_unit_test(bad_rows_are_named),
        cmocka_unit_test(classes_are_known_whatever_their_case),
        cmocka_unit_test(boxes_may_leave_the_image_by_two_percent),
        cmocka_unit_test(yolo_rows_are_fractions),
        cmocka_unit_test(boxes_without_area_are_left_out_and_counted),
        cmocka_unit_test(a_class_may_be_written_as_a_float),
        cmocka_unit_test(the_bounding_box_of_a_polygon_counts),
        cmocka_unit_test(zero_bytes_are_not_text),
        cmocka_unit_test(split_lists),
        cmocka_unit_test(failing_allocations_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
