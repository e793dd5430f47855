/* How an algorithm is chosen: by name, by memory, from the cache file, by measurement, by the geometry alone. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/conv2d.h"
#include "backend/device.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"
#include "core/threads.h"

static yl_ctx ctx;
static char folder[1024], path[1280];

static yl_conv2d_geom make(int64_t side, int64_t c, int64_t oc, int32_t k)
{
    return (yl_conv2d_geom){.n = 1,
                            .h = side,
                            .w = side,
                            .c = c,
                            .oc = oc,
                            .kh = k,
                            .kw = k,
                            .sh = 1,
                            .sw = 1,
                            .dh = 1,
                            .dw = 1,
                            .groups = 1,
                            .pt = k / 2,
                            .pl = k / 2,
                            .oh = side,
                            .ow = side,
                            .dtype = YL_F32};
}

static const char *choose(const yl_conv2d_geom *g, yl_direction d, const char *pinned)
{
    const yl_conv2d_algo *algo = NULL;
    assert_int_equal(yl_conv2d_choose(&ctx, g, d, false, NULL, pinned, &algo), YL_OK);
    return algo->name;
}

static int setup(void **state)
{
    (void)state;
    yl_device *device;
    yl_set_threads(1);
    if (yl_device_get("cpu", &device)) return 1;
    ctx = yl__ctx(device);
    if (!getcwd(folder, sizeof folder - 32)) return 1; /* the build's own folder */
    strcat(folder, "/yolua-choose-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    setenv("XDG_CACHE_HOME", folder, 1);
    snprintf(path, sizeof path, "%s/yolua/conv2d-%s-1.txt", folder, device->isa);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[1040];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* The cache file's text, until the next call. */
static char *text_of_cache(void)
{
    static char copy[8192];
    char *text;
    int64_t size;
    assert_int_equal(yl__file_read(path, &text, &size), YL_OK);
    assert_true(size < (int64_t)sizeof copy);
    memcpy(copy, text, (size_t)size + 1);
    yl__free(text);
    return copy;
}

static void by_name(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(8, 16, 16, 3), strided = g;
    const yl_conv2d_algo *algo;
    assert_string_equal(choose(&g, YL_FORWARD, "gemm"), "gemm");
    assert_string_equal(choose(&g, YL_BACKWARD_DATA, "winograd"), "winograd");
    assert_string_equal(choose(&g, YL_BACKWARD_WEIGHTS, "winograd"), "winograd");
    strided.sh = strided.sw = 2, strided.oh = strided.ow = 4;
    assert_string_not_equal(choose(&strided, YL_FORWARD, "winograd"), "winograd");
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_FORWARD, false, NULL, "fft", &algo), YL_INVALID);
    assert_string_equal(yl_error(), "algorithm 'fft' is unknown on cpu");
}

/* Weights that stay are packed once: which algorithm is predicted does not depend on the batch then. */
static void predicted_for_any_batch(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(8, 64, 64, 3);
    const yl_conv2d_algo *algo;
    assert_string_equal(choose(&g, YL_FORWARD, "predicted"), "winograd");
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_FORWARD, true, NULL, "predicted", &algo), YL_OK);
    assert_string_not_equal(algo->name, "winograd"); /* packing counts */
    g.n = 64;
    assert_string_equal(choose(&g, YL_FORWARD, "predicted"), "winograd");
    assert_int_equal(yl__path_kind(path), YL_PATH_NONE);
}

static void small_ones_are_not_measured(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(8, 16, 16, 3);
    choose(&g, YL_FORWARD, NULL);
    assert_int_equal(yl__path_kind(path), YL_PATH_NONE);
}

static void measured_once(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    char first[32];
    snprintf(first, sizeof first, "%s", choose(&g, YL_FORWARD, "auto"));
    char *text = text_of_cache();
    assert_non_null(strstr(text, "forward n1 26x26x64 26x26x64 k3x3 s1x1 d1x1 g1 p1x1 f32 = "));
    int64_t before = yl__alloc_count();
    assert_string_equal(choose(&g, YL_FORWARD, NULL), first);
    assert_int_equal(yl__alloc_count(), before); /* remembered: nothing was run */
}

/* Bytes in and f32 out: what measures has room for outputs that are larger than inputs. */
/* How many algorithms this machine has for it. */
static int candidates(const yl_conv2d_geom *g, yl_direction d)
{
    const yl_conv2d_algo *const *list;
    int count = 0;
    assert_int_equal(ctx.device->kernels->conv2d_algorithms(&list), YL_OK);
    for (; *list; list++) count += (*list)->supports(&ctx, g, d);
    return count;
}

static void bytes_are_measured(void **state)
{
    (void)state;
    const yl_conv2d_algo *algo;
    yl_conv2d_geom g = make(40, 64, 64, 3);
    g.dtype = YL_U8, g.out_dtype = YL_F32, g.x_quant = (yl_quant){1, 0};
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_FORWARD, false, NULL, "auto", &algo), YL_OK);
    assert_true(strncmp(algo->name, "int8", 4) == 0);
    assert_int_equal(strstr(text_of_cache(), "40x40x64 40x40x64 k3x3") != NULL, candidates(&g, YL_FORWARD) > 1);
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_BACKWARD_DATA, false, NULL, "auto", &algo), YL_UNSUPPORTED);
}

/* A new process finds the choice in the file and obeys it, the slower one too. */
static void cache_is_obeyed(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    char *text = text_of_cache(), *at = strstr(text, "p1x1 f32 = ");
    assert_non_null(at);
    at += strlen("p1x1 f32 = ");
    char changed[4096];
    snprintf(changed, sizeof changed, "%.*sgemm\n", (int)(at - text), text);
    assert_int_equal(yl__file_write(path, changed, (int64_t)strlen(changed)), YL_OK);
    yl_choices_clear();
    assert_string_equal(choose(&g, YL_FORWARD, NULL), "gemm");
}

static void on_alarm(int number)
{
    (void)number;
}

/* A signal that comes while another process holds the lock: the wait continues, and the choice is measured as usual. */
static void signals_do_not_end_the_wait(void **state)
{
    (void)state;
    char lock[1280], byte = 0;
    int ends[2];
    yl_conv2d_geom g = make(27, 64, 64, 3);
    snprintf(lock, sizeof lock, "%.*slock", (int)strlen(path) - 3, path);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int fd = open(lock, O_CREAT | O_RDWR, 0666);
        bool held = fd >= 0 && flock(fd, LOCK_EX) == 0 && write(ends[1], &byte, 1) == 1;
        usleep(300000);
        _exit(!held);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    struct sigaction action = {.sa_handler = on_alarm}; /* without SA_RESTART */
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = 100000}}, NULL);
    choose(&g, YL_FORWARD, NULL);
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_non_null(strstr(text_of_cache(), "27x27x64"));
    close(ends[0]), close(ends[1]);
}

/* What other processes do on the machine does not change the choice. */
static void same_beside_other_work(void **state)
{
    (void)state;
    if (getenv("YOLUA_SANITIZED")) skip(); /* there no algorithm is the clear winner */
    enum { OTHERS = 6, TIMES = 4 };
    yl_conv2d_geom g = make(16, 64, 64, 3); /* in a cache; a third more work for any but tiles of four */
    pid_t others[OTHERS];
    for (int i = 0; i < OTHERS; i++)
        if ((others[i] = fork()) == 0)
            for (alarm(30);;) continue;
    const char *names[TIMES];
    for (int i = 0; i < TIMES; i++) {
        yl_choices_clear();
        unlink(path);
        names[i] = choose(&g, YL_FORWARD, NULL);
    }
    for (int i = 0; i < OTHERS; i++) kill(others[i], SIGKILL), waitpid(others[i], NULL, 0);
    for (int i = 1; i < TIMES; i++) assert_string_equal(names[i], names[0]);
}

/* A damaged file, and a name that no longer exists, cost a measurement. */
static void damaged_cache(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    const char *bad[] = {"", "yolua choices 5\n = \nconv2d\n\xff\xfe = x\nno newline", "\177ELF",
                         "yolua choices 9\na = b\n"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(yl__file_write(path, bad[i], (int64_t)strlen(bad[i])), YL_OK);
        yl_choices_clear();
        choose(&g, YL_FORWARD, NULL);
        char *text = text_of_cache();
        assert_non_null(strstr(text, "26x26x64 k3x3"));
    }
}

static void record_travels(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    yl_text text = {0}, again = {0};
    yl_choices_clear();
    choose(&g, YL_FORWARD, NULL);
    assert_int_equal(yl_choices_export("conv2d ", true, &text), YL_OK);
    char *record = malloc((size_t)text.length + 64);
    char *equals = strstr(text.data, " = ");
    snprintf(record, (size_t)text.length + 64, "%.*s = gemm\n", (int)(equals - text.data), text.data);
    assert_int_equal(yl_choices_import(record, false), YL_OK); /* what stands wins */
    assert_int_equal(yl_choices_export("conv2d ", true, &again), YL_OK);
    assert_string_equal(text.data, again.data);
    assert_int_equal(yl_choices_import(record, true), YL_OK);
    assert_string_equal(choose(&g, YL_FORWARD, NULL), "gemm");
    yl__text_free(&text), yl__text_free(&again), free(record);
}

/* The record holds what this process ran with, not what else the cache file knows. */
static void record_is_of_what_ran(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3), other = make(28, 64, 64, 3);
    yl_text text = {0};
    choose(&g, YL_FORWARD, NULL), choose(&other, YL_FORWARD, NULL);
    yl_choices_clear();
    choose(&other, YL_FORWARD, NULL);
    assert_int_equal(yl_choices_export("conv2d ", true, &text), YL_OK);
    assert_non_null(strstr(text.data, "28x28x64"));
    assert_null(strstr(text.data, "26x26x64"));
    yl__text_free(&text);
}

/* Without a place for the cache every process decides alike. */
static void nowhere_to_write(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    yl_choices_clear();
    int64_t before = yl__alloc_count();
    assert_string_equal(choose(&g, YL_FORWARD, NULL), "winograd");
    assert_true(yl__alloc_count() - before < 4); /* the table, but no operands */
    setenv("XDG_CACHE_HOME", folder, 1);
}

/* With weights of which most are zero: the share is part of the key, the real weights are measured, and the sparse algorithm, which does
 * a tenth of the work, is faster than any other; of other directions the key is the same as ever. */
static void zeros_are_measured(void **state)
{
    (void)state;
    if (getenv("YOLUA_SANITIZED")) skip(); /* there it need not be the fastest */
    yl_conv2d_geom g = make(26, 128, 128, 3);
    int64_t count = g.oc * 9 * g.c;
    float *w = calloc((size_t)count, sizeof *w);
    for (int64_t i = 0; i < count; i += 10) w[i] = 1;
    const yl_conv2d_algo *algo;
    g.zeros = 90;
    yl_choices_clear();
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_FORWARD, false, w, NULL, &algo), YL_OK);
    assert_string_equal(algo->name, "sparse");
    assert_non_null(
        strstr(text_of_cache(), "forward n1 26x26x128 26x26x128 k3x3 s1x1 d1x1 g1 p1x1 f32 z90 = sparse\n"));
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_BACKWARD_DATA, true, NULL, NULL, &algo), YL_OK);
    assert_non_null(strstr(text_of_cache(), "data packs n1 26x26x128 26x26x128 k3x3 s1x1 d1x1 g1 p1x1 f32 = "));
    g.zeros = 0;
    assert_string_not_equal(choose(&g, YL_FORWARD, NULL), "sparse");
    yl_choices_clear();
    free(w);
}

/* Whichever allocation fails, the choice is made without a measurement or the failure is told. */
static void memory_runs_out(void **state)
{
    (void)state;
    yl_conv2d_geom g = make(26, 64, 64, 3);
    const yl_conv2d_algo *algo;
    yl_choices_clear();
    unlink(path);
    int64_t before = yl__alloc_count();
    assert_int_equal(yl_conv2d_choose(&ctx, &g, YL_FORWARD, true, NULL, NULL, &algo), YL_OK);
    int64_t allocations = yl__alloc_count() - before;
    int told = 0;
    for (int64_t n = 1; n <= allocations; n++) {
        yl_choices_clear();
        unlink(path);
        yl__alloc_fail_at(n);
        yl_status status = yl_conv2d_choose(&ctx, &g, YL_FORWARD, true, NULL, NULL, &algo);
        yl__alloc_fail_at(0);
        if (status != YL_OK) assert_int_equal(status, YL_MEMORY);
        told += status == YL_MEMORY;
    }
    assert_true(told >= 3); /* the operands x, y and w at least */
    yl_choices_clear();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),
        cmocka_unit_test(predicted_for_any_batch),
        cmocka_unit_test(small_ones_are_not_measured),
        cmocka_unit_test(measured_once),
        cmocka_unit_test(bytes_are_measured),
        cmocka_unit_test(cache_is_obeyed),
        cmocka_unit_test(signals_do_not_end_the_wait),
        cmocka_unit_test(same_beside_other_work),
        cmocka_unit_test(damaged_cache),
        cmocka_unit_test(record_travels),
        cmocka_unit_test(nowhere_to_write),
        cmocka_unit_test(record_is_of_what_ran),
        cmocka_unit_test(zeros_are_measured),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
