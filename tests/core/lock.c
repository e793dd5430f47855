/* A lock has one holder at a time, and is free again when it is released or its process ends. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/lock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_one_holder(void **state)
{
    char path[] = "yolua-lock-XXXXXX";
    int first, second;
    (void)state;
    close(mkstemp(path));
    assert_int_equal(yl__lock_take(path, &first), YL_OK);
    assert_true(first >= 0);
    assert_int_equal(yl__lock_take(path, &second), YL_OK);
    assert_int_equal(second, -1);
    yl__lock_release(first);
    assert_int_equal(yl__lock_take(path, &second), YL_OK);
    assert_true(second >= 0);
    yl__lock_release(second);
    unlink(path);
}

/* Nobody has to tidy up after a process that was killed. */
static void test_released_by_the_end(void **state)
{
    char path[] = "yolua-lock-XXXXXX";
    int held, status;
    (void)state;
    close(mkstemp(path));
    pid_t child = fork();
    if (child == 0) {
        bool taken = yl__lock_take(path, &held) == YL_OK && held >= 0;
        _exit(taken ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(yl__lock_take(path, &held), YL_OK);
    assert_true(held >= 0);
    yl__lock_release(held);
    unlink(path);
}

static void test_no_folder(void **state)
{
    int held;
    (void)state;
    assert_int_equal(yl__lock_take("/nowhere/at/all", &held), YL_IO);
    assert_non_null(strstr(yl_error(), "cannot open /nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_holder), cmocka_unit_test(test_released_by_the_end),
                                       cmocka_unit_test(test_no_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
