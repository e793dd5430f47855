/* The error sentence: names, prefixes, its own words as arguments, its length, and one per thread; the stop flag; threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "core/machine.h"
#include "core/status.h"
#include "core/threads.h"

static void names(void **state)
{
    (void)state;
    assert_string_equal(yl_status_name(YL_OK), "OK");
    assert_string_equal(yl_status_name(YL_UNSUPPORTED), "UNSUPPORTED");
    assert_string_equal(yl_status_name((yl_status)99), "UNKNOWN");
    assert_string_equal(yl_status_name((yl_status)-1), "UNKNOWN");
}

static void sentences(void **state)
{
    (void)state;
    assert_int_equal(yl__fail(YL_FORMAT, "%s:%d: bad", "file", 7), YL_FORMAT);
    assert_string_equal(yl_error(), "file:7: bad");
    assert_int_equal(yl__fail_in(YL_IO, "epoch %d", 3), YL_IO);
    assert_string_equal(yl_error(), "epoch 3: file:7: bad");
    yl__fail(YL_IO, "twice %s %s", yl_error(), yl_error());
    assert_string_equal(yl_error(), "twice epoch 3: file:7: bad epoch 3: file:7: bad");
    char word[3000];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    yl__fail(YL_IO, "%s", word);
    assert_int_equal(strlen(yl_error()), 1023);
    assert_string_equal(yl_error() + 1020, "...");
    yl__fail_in(YL_IO, "%s", word);
    assert_true(strlen(yl_error()) <= 1023);
}

static void one_line(void **state)
{
    (void)state;
    yl__fail(YL_FORMAT, "%s", "a\nb\r\033[2J\tc\x7f \xc3\xa9");
    assert_string_equal(yl_error(), "a?b??[2J?c? \xc3\xa9");
}

static void *fails_elsewhere(void *user)
{
    assert_string_equal(yl_error(), ""); /* nothing failed on this thread */
    yl__fail(YL_IO, "elsewhere");
    return user;
}

static void one_per_thread(void **state)
{
    (void)state;
    pthread_t thread;
    yl__fail(YL_IO, "here");
    assert_int_equal(pthread_create(&thread, NULL, fails_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(yl_error(), "here");
}

static yl_status tries(yl_status inner, int *reached)
{
    YL_TRY(inner);
    *reached = 1;
    return YL_OK;
}

static void try_returns(void **state)
{
    (void)state;
    int reached = 0;
    assert_int_equal(tries(YL_NUMERIC, &reached), YL_NUMERIC);
    assert_int_equal(reached, 0);
    assert_int_equal(tries(YL_OK, &reached), YL_OK);
    assert_int_equal(reached, 1);
}

static char heard[256];

static void hear(void *user, const char *sentence)
{
    snprintf(heard, sizeof heard, "%s%s", (const char *)user, sentence);
}

static void warnings(void **state)
{
    (void)state;
    char user[] = "> ";
    yl__warn("nobody listens"); /* and nothing happens */
    yl_set_warn_hook(hear, user);
    yl__warn("%d of %s", 3, "these");
    assert_string_equal(heard, "> 3 of these");
    yl_set_warn_hook(NULL, NULL);
    yl__warn("again nobody");
    assert_string_equal(heard, "> 3 of these");
}

static void threads_and_stop(void **state)
{
    (void)state;
    assert_true(yl__processors() >= 1);
    yl_set_threads(1);
    assert_int_equal(yl_threads(), 1);
    yl_set_threads(0);
    assert_true(yl_threads() >= 1 && yl_threads() <= yl__processors());
    assert_int_equal(yl__thread_index(), 0);
    assert_false(yl_interrupted());
    yl_interrupt();
    assert_true(yl_interrupted());
    yl_clear_interrupt();
    assert_false(yl_interrupted());
}

static void machine(void **state)
{
    (void)state;
    yl_machine m;
    yl_machine_look(&m);
    assert_true(m.processors >= 1 && m.threads >= 1 && m.memory_bytes > 0 && m.available_bytes <= m.memory_bytes);
    assert_true(m.peak_bytes > 0 && m.peak_bytes < m.memory_bytes);
    assert_non_null(strstr(m.blas, "OpenBLAS"));
    assert_true(strlen(m.blas_core) > 0 && strlen(m.blas_parallel) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(sentences),
        cmocka_unit_test(one_line),
        cmocka_unit_test(one_per_thread),
        cmocka_unit_test(try_returns),
        cmocka_unit_test(warnings),
        cmocka_unit_test(threads_and_stop),
        cmocka_unit_test(machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
