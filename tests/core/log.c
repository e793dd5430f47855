/* Warnings reach the hook whole, and nobody where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

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
    assert_int_equal(strspn(one.last, "y"), length);
    yl_set_warn_hook(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hook),
        cmocka_unit_test(test_long_warnings_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
