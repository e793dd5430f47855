/* A device that is the CPU with a memory of its own: what a loader sends to it, and when; the images are those of a loader without one. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/device.h"
#include "core/log.h"
#include "core/memory.h"
#include "image/encode.h"
#include "kernels/kernels.h"
#include "loader/loader.h"

enum { COUNT = 8, BATCH = 2, W = 24, H = 16, LOG = 256 };
static char folder[] = "yolua-upload-XXXXXX", paths[COUNT][16];
static yl_sample samples[COUNT];
static const yl_device *cpu;
static yl_kernels kernels;
static yl_device spy;
static char calls[LOG];                       /* s: send, a: await, t: settle, f: forget */
static int64_t copies_sent, most_bytes, room; /* most_bytes: of one allocation */
static int pinned;

static void note(char call)
{
    size_t n = strlen(calls);
    assert_true(n + 1 < LOG);
    calls[n] = call, calls[n + 1] = '\0';
}

static int count_of(char call)
{
    int n = 0;
    for (const char *c = calls; *c; c++) n += *c == call;
    return n;
}

static yl_status spy_alloc(yl_device *device, size_t bytes, void **out)
{
    (void)device;
    if ((int64_t)bytes > most_bytes) return yl__fail(YL_MEMORY, "spy: out of memory");
    return yl__calloc((int64_t)bytes, 1, out);
}

static yl_status spy_room(yl_device *device, int64_t *bytes)
{
    (void)device;
    *bytes = room;
    return YL_OK;
}

static yl_status spy_pin(yl_device *device, size_t bytes, void **out)
{
    (void)device;
    pinned++;
    return yl__alloc((int64_t)bytes, 1, out);
}

static void spy_unpin(yl_device *device, void *pointer)
{
    (void)device;
    pinned -= pointer != NULL;
    yl__free(pointer);
}

static yl_status spy_send(yl_device *device, const yl_copy *copies, int64_t count, void **sent)
{
    (void)device;
    note('s');
    for (int64_t i = 0; i < count; i++) {
        memcpy(copies[i].to, copies[i].from, copies[i].bytes);
    }
    copies_sent += count - 2; /* without the tables */
    *sent = calls;
    return YL_OK;
}

static yl_status spy_await(yl_device *device, void *sent)
{
    (void)device;
    assert_non_null(sent);
    note('a');
    return YL_OK;
}

static yl_status spy_settle(yl_device *device, void *sent)
{
    (void)device;
    assert_non_null(sent);
    note('t');
    return YL_OK;
}

static void spy_forget(yl_device *device, void *sent)
{
    (void)device;
    if (sent) note('f');
}

static yl_status spy_warp(const yl_ctx *ctx, const yl_warp_batch_geom *g, const yl_warp_geom *pieces,
                          const uint8_t *const *sources, void *to, void *none)
{
    void *scratch;
    assert_null(none);
    YL_TRY(yl__alloc((int64_t)yl_warp_scratch(g->w), 1, &scratch));
    yl_status status = cpu->kernels->warp(ctx, g, pieces, sources, to, scratch);
    yl__free(scratch);
    return status;
}

static int setup(void **state)
{
    (void)state;
    yl_device *host;
    assert_int_equal(yl_device_get("cpu", &host), YL_OK);
    cpu = host;
    kernels = *host->kernels;
    kernels.warp = spy_warp;
    spy = *host;
    spy.name = "spy";
    spy.kernels = &kernels;
    spy.alloc = spy_alloc;
    spy.room = spy_room;
    spy.pin = spy_pin, spy.unpin = spy_unpin;
    spy.send = spy_send, spy.await = spy_await, spy.settle = spy_settle, spy.forget = spy_forget;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    for (int i = 0; i < COUNT; i++) {
        yl_rng rng = yl_rng_make((uint64_t)i, 1, 2);
        yl_image image;
        assert_int_equal(yl_image_new(20 + i, 30 - i, &image), YL_OK);
        for (int64_t k = 0; k < yl_image_bytes(&image); k++) image.data[k] = (uint8_t)yl_rng_below(&rng, 256);
        snprintf(paths[i], sizeof paths[i], "%d.png", i);
        assert_int_equal(yl_image_write_png(paths[i], &image), YL_OK);
        yl_image_free(&image);
        samples[i] = (yl_sample){paths[i], NULL, 0};
    }
    return 0;
}

static int reset(void **state)
{
    (void)state;
    calls[0] = '\0';
    copies_sent = 0;
    most_bytes = room = INT64_MAX;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("..") || system(command);
}

static yl_loader_options options_of(double device_cache)
{
    return (yl_loader_options){
        .batch = BATCH,
        .w = W,
        .h = H,
        .train = true,
        .strict = true,
        .seed = 3,
        .workers = 1,
        .cache = 1,
        .device = &spy,
        .device_cache = device_cache,
        .augment = {.flip = true, .jitter = .2, .saturation = 1.5, .exposure = 1.5, .mosaic = .5}};
}

static void wait_for(yl_loader *l, int64_t served)
{
    for (int i = 0; i < 10000 && yl_loader_get_stats(l).served < served; i++) usleep(1000);
    assert_int_equal(yl_loader_get_stats(l).served, served);
}

/* The same images, bit for bit, epochs long. Returns the loader with the device. */
static yl_loader *same_as_host(const yl_loader_options *o, int64_t epochs)
{
    yl_loader_options plain = *o;
    yl_loader *l, *host;
    const yl_batch *b, *want;
    float pixels[W * H * 3];
    plain.device = NULL;
    assert_int_equal(yl_loader_create(samples, COUNT, o, &l), YL_OK);
    assert_int_equal(yl_loader_create(samples, COUNT, &plain, &host), YL_OK);
    for (int64_t e = 0; e < epochs; e++) {
        yl_loader_epoch(l, e, 0);
        yl_loader_epoch(host, e, 0);
        for (;;) {
            assert_int_equal(yl_loader_next(host, &want), YL_OK);
            assert_int_equal(yl_loader_next(l, &b), YL_OK);
            assert_int_equal(b != NULL, want != NULL);
            if (!b) break;
            assert_null(b->images);
            for (int64_t i = 0; i < BATCH; i++) {
                assert_int_equal(yl_batch_pixels(b, i, pixels), YL_OK);
                assert_memory_equal(pixels, want->images + i * W * H * 3, sizeof pixels);
            }
        }
    }
    yl_loader_free(host);
    return l;
}

/* A batch that is ready is sent before the consumer works on the one before it; a slot is settled before workers get it back. */
static void the_next_batch_travels_beside_the_work(void **state)
{
    (void)state;
    yl_loader_options o = options_of(0);
    yl_loader *l;
    const yl_batch *b;
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    yl_loader_epoch(l, 0, 0);
    wait_for(l, 2 * BATCH); /* two batches ahead */
    assert_string_equal(calls, "");
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_string_equal(calls, "ss");
    wait_for(l, 3 * BATCH);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_string_equal(calls, "ssts");
    wait_for(l, 4 * BATCH);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_string_equal(calls, "sststs");
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_string_equal(calls, "sststst"); /* it was sent already */
    yl_loader_epoch(l, 1, 0);
    assert_int_equal(count_of('t'), 3 + 3); /* whatever is under way has arrived before its slot is used again */
    yl_loader_free(l);
    assert_int_equal(count_of('f'), 3);
    assert_int_equal(pinned, 0);
}

/* Each picture is sent once, and decoded once, unless mosaics ask for it again before it is there; without room for any, all are sent in
 * each epoch. */
static void resident_pictures_are_sent_once(void **state)
{
    (void)state;
    for (int mosaics = 0; mosaics < 2; mosaics++) {
        yl_loader_options o = options_of(1);
        o.augment.mosaic = mosaics * .5;
        reset(NULL);
        yl_loader *l = same_as_host(&o, 5);
        assert_int_equal(copies_sent, COUNT);
        if (!mosaics) assert_int_equal(yl_loader_get_stats(l).decoded, COUNT);
        yl_loader_free(l);
    }
    yl_loader_options o = options_of(0);
    o.augment.mosaic = 0;
    reset(NULL);
    yl_loader *l = same_as_host(&o, 5);
    assert_int_equal(copies_sent, 5 * COUNT);
    assert_int_equal(yl_loader_get_stats(l).resident_bytes, 0);
    yl_loader_free(l);
    assert_int_equal(pinned, 0);
}

static char warned[512];

static void keep_warning(void *user, const char *sentence)
{
    (void)user;
    assert_string_equal(warned, "");
    snprintf(warned, sizeof warned, "%s", sentence);
}

/* A device that gives no more memory is full, and that is told once. */
static void check_full(void)
{
    yl_loader_options o = options_of(100);
    warned[0] = '\0';
    yl_set_warn_hook(keep_warning, NULL);
    yl_loader *l = same_as_host(&o, 3);
    yl_set_warn_hook(NULL, NULL);
    assert_int_equal(yl_loader_get_stats(l).resident_bytes, 0);
    assert_string_equal(
        warned, "spy keeps 0.0 MiB of decoded frames and has no room for the others (data.device_cache), which are "
                "copied to it in every epoch");
    yl_loader_free(l);
}

static void no_memory_is_no_room(void **state)
{
    (void)state;
    most_bytes = 1 << 20; /* less than a block */
    check_full();
    reset(NULL);
    room = 28 << 20; /* a block of 4 MiB would leave less than a quarter of the limit */
    check_full();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_next_batch_travels_beside_the_work, reset),
        cmocka_unit_test_setup(resident_pictures_are_sent_once, reset),
        cmocka_unit_test_setup(no_memory_is_no_room, reset),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
