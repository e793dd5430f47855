/* The size of the thread pool, and the stop flag. */
#define _GNU_SOURCE
#include "core/threads.h"

#include <sched.h>
#include <signal.h>
#include <time.h>
#ifdef _OPENMP
#include <omp.h>
#endif

static int threads; /* 0: not asked for yet */
static volatile sig_atomic_t stop_flag, heeding, by_agreement, agreed, at_limit;

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

static double own_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void yl__thread_seconds(int n, double *out)
{
    for (int i = 0; i < n; i++) out[i] = 0;
#ifdef _OPENMP
#pragma omp parallel
    if (omp_get_thread_num() < n) out[omp_get_thread_num()] = own_seconds();
#else
    if (n > 0) out[0] = own_seconds();
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
    return by_agreement ? agreed : stop_flag;
}

int yl_interrupt_asked(void)
{
    return stop_flag;
}

void yl_interrupt_at_limit(void)
{
    stop_flag = at_limit = 1;
}

int yl_interrupted_at_limit(void)
{
    return at_limit;
}

void yl_interrupt_by_agreement(void)
{
    by_agreement = 1;
}

void yl_interrupt_agree(void)
{
    agreed = 1;
}

void yl_clear_interrupt(void)
{
    stop_flag = agreed = 0;
}

void yl_heed_interrupt(int by)
{
    if (by > 0 || heeding > 0) heeding += by;
}

int yl_interrupt_is_heeded(void)
{
    return heeding > 0;
}
