/* Warnings reach the hook whole, and nobody where there is none. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"

typedef struct heard {
    int count;
    char last[2048];
} heard;

static void listen(void *user, const char *sentence)
{
    heard *h = user;
    h->count++;
    snprintf(h->last, sizeof h->last, "%s", sentence);
}

static void test_hook(void **state)
{
    (void)state;
    heard one = {0}, two = {0};
    yl_set_warn_hook(listen, &one);
    yl__warn("%s:%d: %s", "a.txt", 3, "a row was skipped");
    assert_int_equal(one.count, 1);
    assert_string_equal(one.last, "a.txt:3: a row was skipped");
    yl_set_warn_hook(listen, &two);
    yl__warn("100%%");
    assert_int_equal(one.count, 1);
    assert_string_equal(two.last, "100%");
    yl_set_warn_hook(NULL, NULL);
    yl__warn("nobody hears %d", 1);
    assert_int_equal(two.count, 1);
}

/* The file gets them too, hook or no hook; one that is gone is no fault. */
static void test_file(void **state)
{
    (void)state;
    char path[] = P_tmpdir "/yolua_log_XXXXXX", text[64] = "";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_null(yl__warn_file_now());
    assert_int_equal(yl__warn_file(path), YL_OK);
    assert_string_equal(yl__warn_file_now(), path);
    yl__warn("%d rows", 3);
    assert_int_equal(read(descriptor, text, sizeof text - 1), 16);
    assert_string_equal(text, "warning: 3 rows\n");
    close(descriptor);
    unlink(path);
    yl__warn("nowhere");
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(yl__warn_file(NULL), YL_OK);
}

static void test_long_warnings_are_cut(void **state)
{
    (void)state;
    heard one = {0};
    char longer[5000];
    memset(longer, 'y', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    yl_set_warn_hook(listen, &one);
    yl__warn("%s", longer);
    size_t length = strlen(one.last);
    assert_true(length > 500 && length < 2047);
    assert_int_equal(strspn(one.last, "y"), length - 3);
    assert_string_equal(one.last + length - 3, "...");
    yl_set_warn_hook(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hook),
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_long_warnings_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
