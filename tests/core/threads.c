/* The size of the thread pool is what was asked for, and the stop flag stays up until it is taken down. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "core/threads.h"

static void test_processors(void **state)
{
    (void)state;
    int all = yl__processors();
    assert_true(all >= 1);
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    assert_int_equal(CPU_COUNT(&before), all);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before)) CPU_SET(i, &one);
    if (sched_setaffinity(0, sizeof one, &one)) return; /* not allowed here */
    assert_int_equal(yl__processors(), 1);              /* what the process is given, not what the machine has */
    sched_setaffinity(0, sizeof before, &before);
}

static void test_setting(void **state)
{
    (void)state;
#ifdef _OPENMP
    for (int n = 1; n <= 3; n++) {
        yl_set_threads(n);
        assert_int_equal(yl_threads(), n);
        int seen[3] = {0};
#pragma omp parallel for schedule(static)
        for (int i = 0; i < n; i++) seen[yl__thread_index()]++;
        for (int i = 0; i < n; i++) assert_int_equal(seen[i], 1); /* as many threads run, each with its own index */
    }
#endif
    yl_set_threads(0);
#ifdef _OPENMP
    assert_int_equal(yl_threads(), yl__processors());
#else
    assert_int_equal(yl_threads(), 1);
#endif
    assert_int_equal(yl__thread_index(), 0);
}

static void on_signal(int number)
{
    (void)number;
    yl_interrupt();
}

static void test_interrupt(void **state)
{
    (void)state;
    assert_false(yl_interrupted());
    signal(SIGUSR1, on_signal);
    raise(SIGUSR1);
    assert_true(yl_interrupted());
    assert_true(yl_interrupted()); /* reading does not take it down */
    yl_clear_interrupt();
    assert_false(yl_interrupted());
}

/* Work counts, sleep does not. */
static void test_thread_seconds(void **state)
{
    (void)state;
    double before[4], after[4] = {0};
    yl_set_threads(1);
    yl__thread_seconds(4, before);
    usleep(100000);
    yl__thread_seconds(4, after);
    assert_true(after[0] - before[0] < 0.05);
    for (int i = 1; i < 4; i++) assert_true(after[i] == 0); /* there are no such threads */
    clock_t start = clock();
    while (clock() - start < CLOCKS_PER_SEC / 20) continue;
    yl__thread_seconds(4, before);
    assert_true(before[0] - after[0] > 0.04);
    yl_set_threads(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_processors),
        cmocka_unit_test(test_setting),
        cmocka_unit_test(test_thread_seconds),
        cmocka_unit_test(test_interrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
