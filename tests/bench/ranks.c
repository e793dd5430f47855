/* How long the ranks take to sum their gradients: `mpirun -n 2 build/tests/bench_ranks [MiB ...]`. To see a network's speed, let the ranks
 * talk over it (--mca btl tcp,self), or over a loopback device that was slowed down (tc qdisc ... tbf rate 10gbit). */
#include <stdio.h>
#include <stdlib.h>

#include "comm/comm.h"
#include "core/clock.h"
#include "core/memory.h"

enum { ROUNDS = 9, BUCKET = 1 << 18 };

static yl_status sum_once(yl_comm *c, int64_t count, const float *from, float *sums)
{
    for (int64_t at = 0; at < count; at += BUCKET) {
        int64_t n = count - at < BUCKET ? count - at : BUCKET;
        YL_TRY(c->add(c, YL_CHANNEL_SUMS, n, from + at, sums + at));
        YL_TRY(c->share(c, YL_CHANNEL_SUMS, n, sums + at));
    }
    return YL_OK;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static yl_status time_size(yl_comm *c, double mib)
{
    int64_t count = (int64_t)(mib * 0x1p20 / sizeof(float));
    double seconds[ROUNDS];
    float *from, *sums;
    YL_TRY(yl__calloc(count, sizeof *from, &from));
    YL_TRY(yl__calloc(count, sizeof *sums, &sums));
    for (int i = 0; i < ROUNDS; i++) {
        double start = yl__now();
        YL_TRY(sum_once(c, count, from, sums));
        seconds[i] = yl__now() - start;
    }
    qsort(seconds, ROUNDS, sizeof *seconds, ascending);
    if (c->rank == 0)
        printf("%d ranks, %.1f MiB: median %.2f ms, best %.2f ms\n", c->size, mib, 1e3 * seconds[ROUNDS / 2],
               1e3 * seconds[0]);
    yl__free(from), yl__free(sums);
    return YL_OK;
}

int main(int argc, char **argv)
{
    yl_status status = yl_comm_open();
    yl_comm *c = yl_comm_here();
    for (int i = 1; i < argc && status == YL_OK; i++) status = time_size(c, strtod(argv[i], NULL));
    if (status != YL_OK) fprintf(stderr, "%s\n", yl_error());
    c->close(c);
    return status != YL_OK;
}
