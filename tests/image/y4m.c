/* The head of a yuv4mpeg stream, word by word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/log.h"
#include "image/y4m.h"

static char warned[256];
static void keep(void *user, const char *sentence)
{
    (void)user;
    snprintf(warned, sizeof warned, "%s", sentence);
}

static yl_yuv head(const char *words)
{
    char line[256];
    yl_yuv yuv = {.matrix = YL_YUV_BT709};
    snprintf(line, sizeof line, "YUV4MPEG2 %s", words);
    assert_int_equal(yl__y4m_head(line, "test", &yuv), YL_OK);
    assert_int_equal(yuv.matrix, YL_YUV_BT709);
    return yuv;
}

static void words(void **state)
{
    (void)state;
    yl_yuv yuv = head("W640 H480 F25:1 Ip A80:71 C420jpeg XYSCSS=420JPEG XCOLORRANGE=LIMITED");
    assert_true(yuv.w == 640 && yuv.h == 480 && !yuv.full && yuv.step_x == 2 && yuv.step_y == 2 && yuv.first_x == 1);
    assert_int_equal(yl_yuv_bytes(&yuv), 640 * 480 * 3 / 2);
    yuv = head("H3 W5 XCOLORRANGE=FULL"); /* any order; 4:2:0 where nothing is said */
    assert_true(yuv.full && yuv.step_x == 2 && yuv.first_x == 1 && yuv.cb_y == 1 && yuv.cr_y == 1);
    assert_int_equal(yl_yuv_bytes(&yuv), 15 + 2 * 3 * 2);
    yuv = head("W5 H3 C420mpeg2 XYSCSS=420MPEG2");
    assert_true(yuv.first_x == 0 && yuv.cb_y == 1 && yuv.cr_y == 1);
    yuv = head("W5 H3 C411");
    assert_int_equal(yl_yuv_bytes(&yuv), 15 + 2 * 2 * 3);
    yuv = head("W5 H3 Cmono");
    assert_int_equal(yl_yuv_bytes(&yuv), 15);
    yl_set_warn_hook(keep, NULL);
    head("W5 H3 Ip A1:1");
    head("W5 H3 I?");
    assert_string_equal(warned, "");
    head("W5 H3 It");
    assert_non_null(strstr(warned, "interlaced (It)"));
    yl_set_warn_hook(NULL, NULL);
}

static void refusals(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"H3", "width (W) is missing"},
        {"W3", "height (H) is missing"},
        {"W0 H3", "got 'W0'"},
        {"Wx H3", "got 'Wx'"},
        {"W3 H-2", "got 'H-2'"},
        {"W65500 H65500", "frames of 65500x65500 pixels"},
        {"W3 H3 C420p10", "chroma 'C420p10' is not supported"},
        {"W3 H3 C444alpha", "chroma 'C444alpha' is not supported"},
        {"W3 H3 XCOLORRANGE=WIDE", "got 'WIDE'"},
        {"W3 H3 Q7", "got 'Q7'"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char line[256];
        yl_yuv yuv = {0};
        snprintf(line, sizeof line, "YUV4MPEG2 %s", bad[i][0]);
        assert_int_equal(yl__y4m_head(line, "test", &yuv), YL_FORMAT);
        assert_non_null(strstr(yl_error(), bad[i][1]));
        assert_int_equal(strncmp(yl_error(), "test: ", 6), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
