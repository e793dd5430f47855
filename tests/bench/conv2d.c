/* Times every convolution algorithm on the layers of YOLOv2 or its tiny form: GFLOP/s per layer and direction, packing
 * included where a trainable layer would pay for it. Usage: bench_conv2d [batch] [tiny|full] [threads] [algorithm|all] [zeros, percent] */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backend/conv2d.h"
#include "backend/device.h"
#include "core/rng.h"
#include "core/threads.h"

typedef struct layer {
    int side, c, oc, k, repeats;
} layer;

static const layer full[] = {
    {416, 3, 32, 3, 1},     {208, 32, 64, 3, 1},  {104, 64, 128, 3, 2},   {104, 128, 64, 1, 1},  {52, 128, 256, 3, 2},
    {52, 256, 128, 1, 1},   {26, 256, 512, 3, 3}, {26, 512, 256, 1, 2},   {13, 512, 1024, 3, 3}, {13, 1024, 512, 1, 2},
    {13, 1024, 1024, 3, 2}, {26, 512, 64, 1, 1},  {13, 1280, 1024, 3, 1}, {13, 1024, 425, 1, 1}, {0, 0, 0, 0, 0},
};
static const layer tiny[] = {
    {416, 3, 16, 3, 1},   {208, 16, 32, 3, 1},   {104, 32, 64, 3, 1},   {52, 64, 128, 3, 1},  {26, 128, 256, 3, 1},
    {13, 256, 512, 3, 1}, {13, 512, 1024, 3, 1}, {13, 1024, 512, 3, 1}, {13, 512, 425, 1, 1}, {0, 0, 0, 0, 0},
};

static clockid_t clock_id = CLOCK_MONOTONIC; /* one thread: its own time, which a busy machine changes less */

static double now(void)
{
    struct timespec t;
    clock_gettime(clock_id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *fill(int64_t n)
{
    float *a = aligned_alloc(64, (size_t)(n * 4 + 63) / 64 * 64);
    for (int64_t i = 0; i < n; i++) a[i] = (float)(i * 2654435761u % 1000) / 1000 - .5f;
    return a;
}

/* Sets weights to zero at random places; returns how many are, in percent and rounded down. */
static int set_zeros(float *w, int64_t n, int percent)
{
    int64_t count = 0;
    yl_rng rng = yl_rng_make(3, 0, 0);
    for (int64_t i = 0; i < n; i++) {
        if (yl_rng_below(&rng, 100) < percent) w[i] = 0;
        count += w[i] == 0;
    }
    return (int)(count * 100 / n);
}

/* The best of some runs, in seconds. */
static double measure(const yl_ctx *ctx, const yl_conv2d_geom *g, yl_direction d, const yl_conv2d_algo *a,
                      yl_conv2d_run *run, const float *w, bool packs)
{
    double best = 1e30, begin = now();
    size_t packed = a->packed_bytes(g, d);
    run->scratch = aligned_alloc(64, a->scratch_bytes(ctx, g, d) / 64 * 64 + 64);
    void *p = aligned_alloc(64, packed / 64 * 64 + 64);
    run->packed = packed ? p : w;
    if (packed) a->pack(ctx, g, d, w, NULL, p);
    for (int i = 0; i < 5 && (i < 2 || now() - begin < .7); i++) {
        double t = now();
        if (packs && packed) a->pack(ctx, g, d, w, NULL, p);
        a->run(ctx, g, d, run);
        t = now() - t;
        best = t < best ? t : best;
    }
    free(run->scratch), free(p);
    return best;
}

int main(int argc, char **argv)
{
    int batch = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 1;
    const layer *l = argc > 2 && strcmp(argv[2], "tiny") == 0 ? tiny : full;
    yl_device *device;
    yl_set_threads(argc > 3 ? (int)strtol(argv[3], NULL, 10) : 0);
    const char *only = argc > 4 && strcmp(argv[4], "all") != 0 ? argv[4] : NULL;
    int zeros = argc > 5 ? (int)strtol(argv[5], NULL, 10) : 0;
    yl_device_get("cpu", &device);
    yl_ctx ctx = yl__ctx(device);
    if (ctx.threads == 1) clock_id = CLOCK_THREAD_CPUTIME_ID;
    const yl_conv2d_algo *const *list;
    device->kernels->conv2d_algorithms(&list);
    double total[3] = {0}, work = 0;
    printf("%s, %d threads, batch %d; GFLOP/s forward | data | weights, training packs every time\n", device->isa,
           ctx.threads, batch);
    for (; l->side; l++) {
        yl_conv2d_geom g = {.n = batch,
                            .h = l->side,
                            .w = l->side,
                            .c = l->c,
                            .oc = l->oc,
                            .kh = l->k,
                            .kw = l->k,
                            .sh = 1,
                            .sw = 1,
                            .dh = 1,
                            .dw = 1,
                            .groups = 1,
                            .pt = l->k / 2,
                            .pl = l->k / 2,
                            .oh = l->side,
                            .ow = l->side,
                            .dtype = YL_F32,
                            .act = YL_ACT_leaky,
                            .leaky_slope = .1f};
        int64_t nx = g.n * g.h * g.w * g.c, ny = g.n * g.h * g.w * g.oc, nw = g.oc * g.kh * g.kw * g.c;
        float *x = fill(nx), *y = fill(ny), *dx = fill(nx), *w = fill(nw), *dw = fill(nw), *dy = fill(ny),
              *bias = fill(g.oc);
        g.zeros = set_zeros(w, nw, zeros);
        yl_conv2d_run run = {.x = x, .dy = dy, .y = y, .dx = dx, .dweight = dw, .bias = bias};
        double best[3] = {1e30, 1e30, 1e30}, flop = 2 * yl_conv2d_work(&g);
        printf("%3d %4d->%4d k%d", l->side, l->c, l->oc, l->k);
        for (const yl_conv2d_algo *const *a = list; *a; a++) {
            if (!(*a)->supports(&ctx, &g, YL_FORWARD) || (only && strcmp(only, (*a)->name) != 0)) continue;
            printf("  %-8s", (*a)->name);
            for (int d = 0; d < 3; d++) {
                if (!(*a)->supports(&ctx, &g, (yl_direction)d)) {
                    printf("     -");
                    continue;
                }
                double s = measure(&ctx, &g, (yl_direction)d, *a, &run, w, batch > 1);
                best[d] = s < best[d] ? s : best[d];
                printf(" %5.0f", flop / s * 1e-9);
            }
        }
        work += flop * l->repeats;
        for (int d = 0; d < 3; d++) total[d] += best[d] * l->repeats;
        printf("\n");
        free(x), free(y), free(dx), free(w), free(dw), free(dy), free(bias);
    }
    printf("best of each: %.4f %.4f %.4f s, %.0f %.0f %.0f GFLOP/s\n", total[0], total[1], total[2],
           work / total[0] * 1e-9, work / total[1] * 1e-9, work / total[2] * 1e-9);
    return 0;
}
