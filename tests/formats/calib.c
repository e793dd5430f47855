/* Calibration files, refusals with their lines, and 3D boxes against corners worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "formats/calib.h"

#define P2_LINE "P2: 700 0 600 0 0 700 180 0 0 0 1 0\n"

static yl_status parse(const char *text, yl_calib *out)
{
    char copy[1024];
    size_t size = strlen(text);
    assert_true(size < sizeof copy);
    memcpy(copy, text, size + 1);
    return yl_calib_parse("c.txt", copy, (int64_t)size, out);
}

static void all_lines(void **state)
{
    (void)state;
    yl_calib c;
    assert_int_equal(parse("P0: 1 2 3 4 5 6 7 8 9 10 11 12\n" P2_LINE "\n  R0_rect:\t1 2 3 4 5 6 7 8 9.5 \r\n", &c),
                     YL_OK);
    assert_int_equal(c.lines, 1u << 0 | 1u << 2 | 1u << 4);
    assert_true(c.P0[11] == 12 && c.P2[0] == 700 && c.P2[6] == 180 && c.R0_rect[8] == 9.5 && c.P1[0] == 0);
    assert_int_equal(parse("Tr_imu_to_velo: 1 0 0 0 0 1 0 0 0 0 1 -0.5\n" P2_LINE, &c), YL_OK);
    assert_true(c.Tr_imu_to_velo[11] == -.5);
}

static void refused(const char *text, const char *what)
{
    yl_calib c;
    assert_int_equal(parse(text, &c), YL_FORMAT);
    if (!strstr(yl_error(), what)) fail_msg("'%s' lacks '%s'", yl_error(), what);
}

static void bad_lines(void **state)
{
    (void)state;
    refused("", "c.txt: expected a line 'P2: ...'");
    refused("P0: 1 2 3 4 5 6 7 8 9 10 11 12\n", "expected a line 'P2: ...'");
    refused("P2: 1 2 3\n", "c.txt:1: P2: expected 12 numbers, got 3");
    refused("\nP2: 1 2 3 4 5 6 7 8 9 10 11 12 13\n", "c.txt:2: P2: expected 12 numbers, got 13");
    refused("P2: 1 2 3 4 5 6 7 8 9 10 11 nan\n", "number 12: expected a number from -1e9 to 1e9, got 'nan'");
    refused("P2: 1 2 3 4 5 6 7 8 9 10 11 1e300\n", "number 12: expected a number from -1e9 to 1e9, got '1e300'");
    refused(P2_LINE P2_LINE, "c.txt:2: P2 occurs twice");
    refused("P2 1 2 3\n", "c.txt:1: expected a name with a colon, got 'P2'");
    refused(P2_LINE "Tr_velo_to_cma: 1\n", "did you mean Tr_velo_to_cam");
    yl_calib c;
    assert_int_equal(yl_calib_read("absent/c.txt", &c), YL_IO);
}

static void close_to(double got, double want)
{
    if (!(fabs(got - want) < 1e-9)) fail_msg("expected %.12g, got %.12g", want, got);
}

static const double camera[12] = {700, 0, 600, 0, 0, 700, 180, 0, 0, 0, 1, 0};

/* 2 m high, 1 m wide (along z), 4 m long (along x), its bottom's middle at (1, 1.5, 10): corners at x -1 and 3, y -0.5 and 1.5,
 * z 9.5 and 10.5. */
static void a_box_before_the_camera(void **state)
{
    (void)state;
    yl_box b;
    yl_label t = {.dims = {2, 1, 4}, .location = {1, 1.5, 10}};
    assert_true(yl_calib_project(camera, &t, &b));
    close_to(b.x1, 600 - 700 / 9.5);
    close_to(b.x2, 600 + 700 * 3 / 9.5);
    close_to(b.y1, 180 - 700 * .5 / 9.5);
    close_to(b.y2, 180 + 700 * 1.5 / 9.5);
    t.rotation_y = 1.5707963267948966; /* turned: 1 m across, 4 m along z */
    assert_true(yl_calib_project(camera, &t, &b));
    close_to(b.x1, 600 + 700 * .5 / 12);
    close_to(b.x2, 600 + 700 * 1.5 / 8);
}

static void boxes_behind_the_camera_and_none(void **state)
{
    (void)state;
    yl_box b;
    yl_label t = {.dims = {2, 4, 4}, .location = {0, 1.5, 1}}; /* z from -1 to 3: cut off at the near plane */
    assert_true(yl_calib_project(camera, &t, &b));
    close_to(b.x1, 600 - 700 * 2 / .1);
    t.location[2] = -10;
    assert_false(yl_calib_project(camera, &t, &b));
    yl_label none = {.dims = {-1, -1, -1}, .location = {-1000, -1000, -1000}, .rotation_y = -10};
    assert_false(yl_calib_project(camera, &none, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_lines),
        cmocka_unit_test(bad_lines),
        cmocka_unit_test(a_box_before_the_camera),
        cmocka_unit_test(boxes_behind_the_camera_and_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
