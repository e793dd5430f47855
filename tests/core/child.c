/* Work in a copy of the process: what it changes is lost, how it ends is known, and it ends. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/child.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const yl_child_limits limits = {.seconds = 5, .clock = 60, .bytes = 1 << 28};

static char how[80];

static void attempt(yl_status (*work)(void *data), void *data, yl_child_limits l)
{
    memset(how, 'x', sizeof how - 1);
    assert_int_equal(yl__child_try(work, data, l, how, sizeof how), YL_OK);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left behind */
}

static yl_status change(void *data)
{
    *(int *)data = 7;
    fputs("lost\n", stderr);
    return YL_MEMORY;
}

static void test_returns(void **state)
{
    (void)state;
    int value = 1;
    attempt(change, &value, limits);
    assert_string_equal(how, "");
    assert_int_equal(value, 1);
}

static yl_status die(void *data)
{
    raise(*(int *)data);
    return YL_OK;
}

static void test_signals(void **state)
{
    (void)state;
    const struct {
        int number;
        const char *text;
    } cases[] = {{SIGSEGV, "(Segmentation fault)"}, {SIGABRT, "(Aborted)"}, {SIGBUS, "(Bus error)"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int number = cases[i].number;
        char expected[80];
        snprintf(expected, sizeof expected, "signal %d %s", number, cases[i].text);
        attempt(die, &number, limits);
        assert_string_equal(how, expected);
    }
    int interrupt = SIGINT; /* is the waiting process's to heed */
    attempt(die, &interrupt, limits);
    assert_string_equal(how, "");
}

static yl_status leave(void *data)
{
    _exit(*(int *)data);
}

static void test_status(void **state)
{
    (void)state;
    int number = 3;
    attempt(leave, &number, limits);
    assert_string_equal(how, "status 3");
}

static yl_status spin(void *data)
{
    for (volatile int *go = data; *go;) {}
    return YL_OK;
}

static yl_status rest(void *data)
{
    while (*(volatile int *)data) pause();
    return YL_OK;
}

static void test_time(void **state)
{
    (void)state;
    int go = 1;
    char expected[80];
    attempt(spin, &go, (yl_child_limits){.seconds = 1, .clock = 60, .bytes = 1 << 28});
    snprintf(expected, sizeof expected, "signal %d (%s)", SIGXCPU, strsignal(SIGXCPU));
    assert_string_equal(how, expected);
    attempt(rest, &go, (yl_child_limits){.seconds = 5, .clock = 1, .bytes = 1 << 28});
    snprintf(expected, sizeof expected, "signal %d (%s)", SIGALRM, strsignal(SIGALRM));
    assert_string_equal(how, expected);
}

/* Ends with status 0 where it gets that much, 1 where it does not. */
static yl_status take(void *data)
{
    void *block = malloc(*(size_t *)data);
    int got = block != NULL;
    free(block);
    _exit(!got);
}

static void test_memory(void **state)
{
    (void)state;
    size_t little = 1 << 20, much = (size_t)1 << 30;
    attempt(take, &little, limits);
    assert_string_equal(how, "");
    attempt(take, &much, limits);
    assert_string_equal(how, "status 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_returns), cmocka_unit_test(test_signals),
                                       cmocka_unit_test(test_status), cmocka_unit_test(test_time),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
