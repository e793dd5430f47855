/* Text: growing buffers, numbers without a locale, UTF-8, and the distance behind "did you mean". */
#include <setjmp.h>
#include <stdarg.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "core/text.h"

static void test_buffer(void **state)
{
    (void)state;
    yl_text t = {0};
    for (int i = 0; i < 1000; i++) assert_int_equal(yl__text_add(&t, "%d,", i % 10), YL_OK);
    assert_int_equal(yl__text_append(&t, "a\0b", 3), YL_OK);
    assert_int_equal(t.length, 2003);
    assert_memory_equal(t.data, "0,1,2,3,", 8);
    assert_memory_equal(t.data + 2000, "a\0b\0", 4);
    yl__text_free(&t);
    assert_null(t.data);
}

static void test_shape_text(void **state)
{
    (void)state;
    char out[16];
    const int64_t dims[] = {16, 3, INT64_MAX};
    assert_string_equal(yl__shape_text(0, dims, out, sizeof out), "{}");
    assert_string_equal(yl__shape_text(2, dims, out, sizeof out), "{16, 3}");
    assert_string_equal(yl__shape_text(3, dims, out, sizeof out), "{16, 3, 9223372");
}

static void test_parse_number(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    " ",   "nan", "inf", "-inf",  "0x10", "1e",
                                      "1 2", "1,5", "--1", "+-1", "1e999", "e5",   "."};
    double x = 7;
    setlocale(LC_ALL, "de_DE.UTF-8"); /* where installed, its decimal comma must not matter */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (yl__parse_number(bad[i], &x)) fail_msg("'%s' was taken for %g", bad[i], x);
        assert_true(x == 7);
    }
    assert_true(yl__parse_number(" -.5e-1 ", &x) && x == -0.05);
    assert_true(yl__parse_number("1.", &x) && x == 1);
    setlocale(LC_ALL, "C");
}

static void test_parse_integer(void **state)
{
    (void)state;
    int64_t n = 7;
    assert_true(yl__parse_integer(" -9223372036854775808", &n) && n == INT64_MIN);
    assert_true(yl__parse_integer("+9223372036854775807 ", &n) && n == INT64_MAX);
    assert_false(yl__parse_integer("9223372036854775808", &n));
    assert_false(yl__parse_integer("1.0", &n));
    assert_false(yl__parse_integer("0x1", &n));
    assert_false(yl__parse_integer("", &n));
    assert_true(n == INT64_MAX);
}

static void test_format_number(void **state)
{
    (void)state;
    char text[32];
    static const double values[] = {0, -0.0, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789, 0x1p53, -2.5};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        double back;
        yl__format_number(values[i], text);
        assert_true(yl__parse_number(text, &back));
        assert_memory_equal(&back, &values[i], sizeof back);
    }
    yl__format_number(0.1, text);
    assert_string_equal(text, "0.1");
    yl__format_number((double)NAN, text);
    assert_string_equal(text, "null");
}

static void test_utf8_every_code(void **state)
{
    (void)state;
    for (uint32_t code = 0; code <= 0x10ffff; code++) {
        if (code >= 0xd800 && code < 0xe000) continue;
        char bytes[4];
        uint32_t back = 0;
        int n = yl__utf8_encode(code, bytes);
        if (yl__utf8_decode(bytes, n, &back) != n || back != code) fail_msg("U+%04X", (unsigned)code);
        if (n > 1 && yl__utf8_decode(bytes, n - 1, &back) != 0) fail_msg("U+%04X cut short", (unsigned)code);
    }
}

static void test_utf8_refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf8\x88\x80\x80\x80",
                                      "\xff",
                                      "\xc3(",
                                      "\xe2\x82("};
    uint32_t code;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(yl__utf8_decode(bad[i], (int64_t)strlen(bad[i]), &code), 0);
    assert_int_equal(yl__utf8_decode("", 0, &code), 0);
}

static void test_distance(void **state)
{
    (void)state;
    static const char *const words[] = {"filters", "size", "stride", "batch_size"};
    assert_int_equal(yl__edit_distance("filters", "fitlers"), 1);
    assert_int_equal(yl__edit_distance("Batch-Size", "batch_size"), 0);
    assert_int_equal(yl__edit_distance("", "abc"), 3);
    assert_string_equal(yl__nearest("strid", words, 4), "stride");
    assert_null(yl__nearest("momentum", words, 4));
    assert_string_equal(yl__nearest("--batch-size", words, 4), "batch_size");
    assert_null(yl__nearest("k", words, 4));
    assert_null(yl__nearest("", words, 4));
}

static void test_nearest(void **state)
{
    (void)state;
    yl_nearest nearest = yl__nearest_to("epoch");
    assert_null(nearest.found);
    assert_true(yl__nearer(&nearest, "epochs", "one"));
    assert_false(yl__nearer(&nearest, "epocs", "as near")); /* the first of equals stands */
    assert_false(yl__nearer(&nearest, "weights", "far"));
    assert_string_equal(nearest.found, "one");
    assert_true(yl__nearer(&nearest, "EPOCH", "same"));
    assert_string_equal(nearest.found, "same");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer),        cmocka_unit_test(test_shape_text),
        cmocka_unit_test(test_parse_number),  cmocka_unit_test(test_parse_integer),
        cmocka_unit_test(test_format_number), cmocka_unit_test(test_distance),
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_utf8_every_code),
        cmocka_unit_test(test_utf8_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
