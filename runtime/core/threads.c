/* The size of the thread pool, and the stop flag. */
#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <signal.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static int threads; /* 0: not asked for yet */
static volatile sig_atomic_t stop_flag;

int yl__processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set)) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}

int yl_threads(void)
{
#ifdef _OPENMP
    return threads ? threads : omp_get_max_threads();
#else
    return threads ? threads : 1;
#endif
}

void yl_set_threads(int n)
{
    threads = n > 0 ? n : yl__processors();
#ifdef _OPENMP
    omp_set_num_threads(threads);
#else
    threads = 1;
#endif
}

int yl__thread_index(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

void yl_interrupt(void)
{
    stop_flag = 1;
}

int yl_interrupted(void)
{
    return stop_flag;
}

void yl_clear_interrupt(void)
{
    stop_flag = 0;
}
