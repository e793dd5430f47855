/* The loader: the same bytes whatever the number of workers, what the cache saves, and failures that reach the consumer. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <unistd.h>
#include <sys/stat.h>
#include <xxhash.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/threads.h"
#include "image/encode.h"
#include "loader/loader.h"

enum { COUNT = 11 };
static char paths[COUNT][64];
static float rows[COUNT][2][YL_SAMPLE_FIELDS];
static yl_sample samples[COUNT];
static int warnings;
static char folder[] = "yolua-loader-XXXXXX";

static void write_picture(const char *path, int64_t w, int64_t h, uint64_t seed)
{
    yl_rng rng = yl_rng_make(seed, 1, 2);
    yl_image image;
    assert_int_equal(yl_image_new(w, h, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)yl_rng_below(&rng, 256);
    assert_int_equal(yl_image_write_png(path, &image), YL_OK);
    yl_image_free(&image);
}

static int make_samples(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(mkdir("loader_test", 0777), 0);
    for (int i = 0; i < COUNT; i++) {
        int64_t w = 40 + 3 * i, h = 30 + i % 4;
        snprintf(paths[i], sizeof paths[i], "loader_test/%d.png", i);
        write_picture(paths[i], w, h, (uint64_t)i);
        memcpy(rows[i][0], (float[]){4, 5, 20, 15, (float)(i % 3), 0}, sizeof rows[i][0]);
        memcpy(rows[i][1], (float[]){0, 0, (float)w, (float)h, 0, 1}, sizeof rows[i][1]);
        samples[i] = (yl_sample){paths[i], rows[i][0], i % 3};
    }
    return 0;
}

static int remove_samples(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return chdir("/") || system(command);
}

static yl_loader_options some_options(void)
{
    return (yl_loader_options){.batch = 4,
                               .w = 32,
                               .h = 24,
                               .strict = true,
                               .seed = 9,
                               .workers = 2,
                               .cache = 1,
                               .augment = {.saturation = 1, .exposure = 1}};
}

static yl_loader_options training_options(void)
{
    yl_loader_options o = some_options();
    o.train = true;
    o.n_sizes = 3;
    memcpy(o.sizes, (int64_t[3][2]){{32, 24}, {48, 32}, {16, 16}}, sizeof(int64_t[3][2]));
    o.augment = (yl_augment_options){.flip = true, .jitter = 0.2, .hue = 0.1, .saturation = 1.5, .exposure = 1.5};
    return o;
}

static void hash_batch(XXH64_state_t *h, const yl_batch *b)
{
    int64_t head[4] = {b->n, b->count, b->w, b->h};
    XXH64_update(h, head, sizeof head);
    XXH64_update(h, b->images, (size_t)(b->n * b->w * b->h * 3) * sizeof(float));
    XXH64_update(h, b->truth.rows, (size_t)(b->n * b->truth.cap * YL_TRUTH_FIELDS) * sizeof(float));
    XXH64_update(h, b->truth.counts, (size_t)b->n * sizeof(int32_t));
    XXH64_update(h, b->indices, (size_t)b->n * sizeof(int64_t));
    XXH64_update(h, b->to_image, (size_t)b->count * sizeof *b->to_image);
}

/* Everything that the epochs first..last hold, as one number. */
static uint64_t run_epochs(const yl_loader_options *o, int64_t first, int64_t last, int64_t *batches)
{
    yl_loader *l;
    const yl_batch *b;
    XXH64_state_t *h = XXH64_createState();
    XXH64_reset(h, 0);
    assert_int_equal(yl_loader_create(samples, COUNT, o, &l), YL_OK);
    *batches = 0;
    for (int64_t e = first; e <= last; e++) {
        yl_loader_epoch(l, e, 0);
        for (;;) {
            assert_int_equal(yl_loader_next(l, &b), YL_OK);
            if (!b) break;
            hash_batch(h, b);
            ++*batches;
        }
    }
    yl_loader_free(l);
    uint64_t digest = XXH64_digest(h);
    XXH64_freeState(h);
    return digest;
}

static void workers_change_nothing(void **state)
{
    (void)state;
    for (int train = 0; train < 2; train++) {
        yl_loader_options o = train ? training_options() : some_options();
        int64_t batches;
        o.workers = 0;
        uint64_t want = run_epochs(&o, 1, 3, &batches);
        assert_int_equal(batches, 9);
        static const int counts[] = {1, 2, 4, 7};
        for (int i = 0; i < 4; i++) {
            o.workers = counts[i];
            assert_true(run_epochs(&o, 1, 3, &batches) == want);
        }
        o.cache = 0; /* nor does the cache */
        assert_true(run_epochs(&o, 1, 3, &batches) == want);
        o.seed = 10;
        assert_int_equal(run_epochs(&o, 1, 3, &batches) == want, !train);
    }
}

static void epochs_are_permutations(void **state)
{
    (void)state;
    yl_loader_options o = training_options();
    yl_loader *l;
    const yl_batch *b;
    int64_t first[2][12];
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    for (int e = 0; e < 2; e++) {
        int seen[COUNT] = {0}, n = 0;
        yl_loader_epoch(l, e + 1, 0);
        while (yl_loader_next(l, &b) == YL_OK && b) {
            assert_int_equal(b->count, 4);
            for (int i = 0; i < 4; i++) first[e][n++] = b->indices[i];
        }
        assert_int_equal(n, 12);
        for (int i = 0; i < COUNT; i++) seen[first[e][i]]++;
        for (int i = 0; i < COUNT; i++) assert_int_equal(seen[i], 1);
        assert_int_equal(first[e][COUNT], first[e][0]); /* completed from the front of its own permutation */
    }
    assert_memory_not_equal(first[0], first[1], sizeof first[0]);
    yl_loader_epoch(l, 2, 1); /* started at the second batch */
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_memory_equal(b->indices, first[1] + 4, 4 * sizeof(int64_t));
    yl_loader_epoch(l, 1, 2);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_memory_equal(b->indices, first[0] + 8, 4 * sizeof(int64_t));
    yl_loader_free(l);
}

static void inference_keeps_the_order(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    yl_loader_epoch(l, 0, 0);
    for (int64_t k = 0; k < 3; k++) {
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        assert_int_equal(b->n, 4);
        assert_int_equal(b->count, k < 2 ? 4 : 3);
        for (int64_t i = 0; i < b->count; i++) {
            int64_t index = 4 * k + i;
            assert_int_equal(b->indices[i], index);
            assert_int_equal(b->image_size[i][0], 40 + 3 * index);
            assert_int_equal(b->truth.counts[i], index % 3);
        }
    }
    const float *padding = b->images + 3 * b->w * b->h * 3;
    for (int64_t i = 0; i < b->w * b->h * 3; i++) assert_true(padding[i] == 0);
    assert_int_equal(b->truth.counts[3], 0);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_null(b);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_null(b);
    yl_loader_free(l);
}

static void drain(yl_loader *l, int64_t epoch)
{
    const yl_batch *b;
    yl_loader_epoch(l, epoch, 0);
    while (yl_loader_next(l, &b) == YL_OK && b) {}
}

static void second_epoch_decodes_nothing(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    yl_loader *l;
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    for (int e = 0; e < 3; e++) drain(l, e);
    yl_loader_stats s = yl_loader_get_stats(l);
    assert_int_equal(s.decoded, COUNT);
    assert_int_equal(s.served, 3 * COUNT);
    write_picture(paths[2], 46, 32, 77); /* a file that changed is decoded anew */
    drain(l, 3);
    assert_int_equal(yl_loader_get_stats(l).decoded, COUNT + 1);
    write_picture(paths[2], 46, 32, 2); /* back to its old content, which is still there */
    drain(l, 4);
    assert_int_equal(yl_loader_get_stats(l).decoded, COUNT + 1);
    yl_loader_free(l);
    o.cache = (3 * 40 * 30 + 3 * 43 * 31) / 0x1p20; /* room for two */
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    for (int e = 0; e < 2; e++) drain(l, e);
    s = yl_loader_get_stats(l);
    assert_true(s.cache_bytes <= o.cache * 0x1p20 && s.cache_bytes > 0);
    assert_true(s.decoded >= 2 * COUNT - 2 && s.decoded < 2 * COUNT);
    yl_loader_free(l);
}

static void stored_pictures_need_no_decoding(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    int64_t batches;
    uint64_t want = run_epochs(&o, 0, 0, &batches);
    yl_loader *l;
    assert_int_equal(system("rm -rf loader_test/store"), 0);
    o.cache_dir = "loader_test/store/deep";
    for (int round = 0; round < 2; round++) {
        assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
        drain(l, 0);
        assert_int_equal(yl_loader_get_stats(l).decoded, round ? 0 : COUNT);
        yl_loader_free(l);
    }
    assert_true(run_epochs(&o, 0, 0, &batches) == want);
    /* one cut short, one altered: both are decoded again and put right */
    assert_int_equal(system("cd loader_test/store/deep && set -- *.rgb && truncate -s 100 $1 && printf x | "
                            "dd of=$2 bs=1 seek=300 conv=notrunc 2>/dev/null"),
                     0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
        drain(l, 0);
        assert_int_equal(yl_loader_get_stats(l).decoded, round ? 0 : 2);
        yl_loader_free(l);
    }
    assert_true(run_epochs(&o, 0, 0, &batches) == want);
    o.cache_dir = "loader_test/0.png/folder";
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_IO);
    assert_non_null(strstr(yl_error(), "loader_test/0.png"));
}

static void count_warning(void *user, const char *sentence)
{
    (void)user;
    assert_non_null(strstr(sentence, "bad.png"));
    warnings++;
}

static void failures_reach_the_consumer(void **state)
{
    (void)state;
    yl_sample list[3] = {samples[0], samples[1], samples[2]};
    list[1].path = "loader_test/bad.png";
    assert_int_equal(yl__file_write("loader_test/bad.png", "hello", 5), YL_OK);
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    o.batch = 1;
    assert_int_equal(yl_loader_create(list, 3, &o, &l), YL_OK);
    yl_loader_epoch(l, 0, 0);
    assert_int_equal(yl_loader_next(l, &b), YL_OK); /* the good one before it is still handed out */
    assert_int_equal(yl_loader_next(l, &b), YL_FORMAT);
    assert_null(b);
    assert_non_null(strstr(yl_error(), "loader_test/bad.png"));
    yl_loader_free(l);

    o.strict = false;
    warnings = 0;
    yl_set_warn_hook(count_warning, NULL);
    assert_int_equal(yl_loader_create(list, 3, &o, &l), YL_OK);
    yl_loader_epoch(l, 0, 0);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_int_equal(b->truth.counts[0], 1); /* a grey picture in which nothing counts */
    assert_true(b->truth.rows[YL_TRUTH_KIND] == YL_TRUTH_IGNORE && b->truth.rows[YL_TRUTH_W] == 1);
    for (int64_t i = 0; i < b->w * b->h * 3; i++) assert_true(b->images[i] == 0.5f);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_int_equal(b->indices[0], 2);
    assert_int_equal(yl_loader_get_stats(l).bad, 1);
    assert_int_equal(warnings, 1);
    yl_loader_free(l);

    o.batch = 3; /* every failure of a batch, and where the consumer says so none is warned of but all are told */
    list[2].path = "loader_test/bad.png";
    for (int told = 0; told < 2; told++) {
        warnings = 0;
        o.told = told;
        assert_int_equal(yl_loader_create(list, 3, &o, &l), YL_OK);
        yl_loader_epoch(l, 0, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        assert_int_equal(warnings, told ? 0 : 2);
        assert_null(b->failures[0]);
        assert_non_null(strstr(b->failures[1], "bad.png: not a picture"));
        assert_non_null(strstr(b->failures[2], "bad.png: not a picture"));
        yl_loader_free(l);
    }
    yl_set_warn_hook(NULL, NULL);
}

static char said[4][256];
static void keep_warning(void *user, const char *sentence)
{
    (void)user;
    if (warnings < 4) snprintf(said[warnings], sizeof said[0], "%s", sentence);
    warnings++;
}

/* A JPEG with orientation 6 in its EXIF block and four bytes too many before its end mark. */
static void write_noted(const char *path)
{
    static const char turn[] = "\xff\xe1\0\x22"
                               "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    yl_image image;
    void *bytes;
    int64_t size, extra = sizeof turn - 1;
    assert_int_equal(yl_image_new(40, 24, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(i / 120 * 9);
    assert_int_equal(yl_image_encode_jpeg(&image, 90, &bytes, &size), YL_OK);
    char *out = malloc((size_t)(size + extra + 4));
    assert_non_null(out);
    memcpy(out, bytes, 2);
    memcpy(out + 2, turn, (size_t)extra);
    memcpy(out + 2 + extra, (char *)bytes + 2, (size_t)size - 4);
    memcpy(out + extra + size - 2, "\1\2\3\4\xff\xd9", 6);
    assert_int_equal(yl__file_write(path, out, size + extra + 4), YL_OK);
    free(out);
    yl__free(bytes);
    yl_image_free(&image);
}

/* What a picture carries is warned of once in the process, whatever the number of loaders; upright ones are turned, from the store on
 * disk as well, and the way back leads to the turned picture. */
static void orientation_and_stray_bytes(void **state)
{
    (void)state;
    yl_sample list[2] = {{"loader_test/noted.jpg", NULL, 0}, {"loader_test/noted2.jpg", NULL, 0}};
    yl_loader_options o = some_options();
    write_noted(list[0].path);
    write_noted(list[1].path);
    o.batch = 2;
    o.cache_dir = "loader_test/turned";
    warnings = 0;
    yl_set_warn_hook(keep_warning, NULL);
    for (int round = 0; round < 4; round++) {
        yl_loader *l;
        const yl_batch *b;
        o.upright = round % 2;
        assert_int_equal(yl_loader_create(list, 2, &o, &l), YL_OK);
        yl_loader_epoch(l, 0, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        assert_int_equal(b->image_size[0][0], o.upright ? 24 : 40);
        assert_int_equal(b->image_size[0][1], o.upright ? 40 : 24);
        float first = b->images[0], right = b->images[3 * (b->w - 1)], below = b->images[3 * b->w * (b->h - 1)];
        if (o.upright) /* dark above and bright below became bright on the left */
            assert_true(first > right + 0.5f && fabsf(first - below) < 0.1f);
        else
            assert_true(below > first + 0.5f && fabsf(first - right) < 0.1f);
        yl_loader_free(l);
    }
    yl_set_warn_hook(NULL, NULL);
    assert_int_equal(warnings, 2);
    assert_non_null(strstr(said[0], "EXIF orientation (6)"));
    assert_non_null(strstr(said[1], "stray bytes in the JPEG"));
}

static void interrupt_ends_the_wait(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    for (int i = 0; i < 20; i++) {
        yl_interrupt();
        yl_loader_epoch(l, i, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK); /* a batch that was ready, or none */
        yl_clear_interrupt();
    }
    yl_loader_epoch(l, 99, 0);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_non_null(b);
    yl_loader_free(l);
}

static void stops_at_any_time(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        yl_loader_options o = training_options();
        yl_loader *l;
        const yl_batch *b;
        o.workers = 1 + i % 4;
        assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
        if (i % 5) yl_loader_epoch(l, i, i % 3);
        for (int k = 0; k < i % 4; k++) assert_int_equal(yl_loader_next(l, &b), YL_OK);
        if (i % 2) yl_loader_epoch(l, i + 1, 0); /* drops what is under way */
        yl_loader_free(l);
    }
}

static void truth_follows_the_picture(void **state)
{
    (void)state;
    float row[4][YL_SAMPLE_FIELDS] = {
        {10, 6, 30, 18, 2, 0}, {39, 0, 40.5f, 30, 1, 0}, {0, 0, 40, 30, 0, 1}, {3, 3, 4, 4, 1, 2}};
    yl_sample one = {paths[0], row[0], 4}; /* a picture of 40x30 */
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    o.batch = 1;
    o.w = o.h = 80;
    o.letterbox = true; /* 80x60, ten rows of grey above */
    assert_int_equal(yl_loader_create(&one, 1, &o, &l), YL_OK);
    yl_loader_epoch(l, 0, 0);
    assert_int_equal(yl_loader_next(l, &b), YL_OK);
    assert_int_equal(b->truth.counts[0], 4);
    const float want[4][YL_TRUTH_FIELDS] = {
        {.5f, (10 + 24) / 80.f, .5f, 24 / 80.f, 2, 0},
        {79 / 80.f, .5f, 2 / 80.f, .75f, 1, 0}, /* cut off at the picture's border */
        {.5f, .5f, 1, .75f, 0, 1},
        {7 / 80.f, 17 / 80.f, 2 / 80.f, 2 / 80.f, 1, 2},
    };
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < YL_TRUTH_FIELDS; k++)
            assert_true(fabsf(b->truth.rows[i * YL_TRUTH_FIELDS + k] - want[i][k]) < 1e-6f);
    yl_box back = yl_batch_unmap(b, 0, (yl_box){.25, (10 + 12) / 80., .75, (10 + 36) / 80.});
    assert_true(fabs(back.x1 - 10) < 1e-9 && fabs(back.y1 - 6) < 1e-9 && fabs(back.x2 - 30) < 1e-9 &&
                fabs(back.y2 - 18) < 1e-9);
    yl_loader_free(l);
}

enum { WIDTH = YL_SAMPLE_FIELDS + YL_ATTRIBUTES };

/* A mirrored picture shows an object at alpha as one at pi - alpha; what is unknown stays so; the rest does not change. */
static void attributes_follow_the_flip(void **state)
{
    (void)state;
    const double pi = YL_TURN / 2;
    float row[4][WIDTH] = {{4, 6, 10, 18, 0, 0, 0.25f, 2, 0.5f},
                           {4, 6, 10, 18, 0, 0, -2.5f, 0, 0},
                           {4, 6, 10, 18, 0, 0, -10, -1, -1},
                           {4, 6, 10, 18, 0, 0, (float)(-pi / 2), 3, 1}};
    const double want[4] = {pi - 0.25, 2.5 - pi, -10, -pi / 2};
    yl_sample one = {paths[0], row[0], 4};
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    int flipped = 0, plain = 0;
    o.batch = 1;
    o.train = o.attributes = true;
    o.augment.flip = true;
    assert_int_equal(yl_loader_create(&one, 1, &o, &l), YL_OK);
    for (int64_t e = 0; e < 16; e++) {
        yl_loader_epoch(l, e, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        assert_int_equal(b->truth.attributes, YL_ATTRIBUTES);
        bool flip = b->to_image[0][0] < 0;
        flip ? flipped++ : plain++;
        for (int t = 0; t < 4; t++) {
            const float *got = yl_truth_row(&b->truth, 0, t);
            assert_true(fabsf(got[0] - (flip ? 33 : 7) / 40.f) < 1e-6f);
            assert_true(fabs(got[YL_TRUTH_FIELDS] - (flip ? want[t] : row[t][YL_SAMPLE_FIELDS])) < 1e-6);
            for (int k = 1; k < YL_ATTRIBUTES; k++)
                assert_true(got[YL_TRUTH_FIELDS + k] == row[t][YL_SAMPLE_FIELDS + k]);
        }
    }
    assert_true(flipped > 2 && plain > 2);
    yl_loader_free(l);
}

/* A crop truncates: 1 - (1 - truncated) * what is left of the box. */
static void attributes_follow_the_crop(void **state)
{
    (void)state;
    float row[WIDTH] = {0, 0, 10, 30, 0, 0, 1, 0, 0.2f};
    yl_sample one = {paths[0], row, 1};
    yl_loader_options o = some_options();
    yl_loader *l;
    const yl_batch *b;
    int cut = 0;
    o.batch = 1;
    o.train = o.attributes = true;
    o.augment.jitter = 0.3;
    assert_int_equal(yl_loader_create(&one, 1, &o, &l), YL_OK);
    for (int64_t e = 0; e < 16; e++) {
        yl_loader_epoch(l, e, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        if (!b->truth.counts[0]) continue;
        const float *got = yl_truth_row(&b->truth, 0, 0);
        const double *m = b->to_image[0];
        double share = got[YL_TRUTH_W] * m[0] * got[YL_TRUTH_H] * m[2] / 300;
        cut += share < 0.99;
        assert_true(fabs(got[YL_TRUTH_FIELDS + YL_ATTRIBUTE_truncation] - (1 - 0.8 * share)) < 1e-4);
    }
    assert_true(cut > 2);
    yl_loader_free(l);
}

/* An object that the crop leaves less than a quarter of, or less than a pixel, is not learnt but ignored; one outside is gone. */
static void little_is_ignored(void **state)
{
    (void)state;
    yl_loader_options o = training_options();
    yl_loader *l;
    const yl_batch *b;
    float row[YL_SAMPLE_FIELDS] = {0, 0, 4, 30, 0, 0};
    yl_sample one = {paths[0], row, 1};
    int whole = 0, ignored = 0, gone = 0;
    o.batch = 1;
    o.n_sizes = 0;
    o.augment = (yl_augment_options){.jitter = 0.3, .saturation = 1, .exposure = 1};
    assert_int_equal(yl_loader_create(&one, 1, &o, &l), YL_OK);
    for (int e = 0; e < 200; e++) {
        yl_loader_epoch(l, e, 0);
        assert_int_equal(yl_loader_next(l, &b), YL_OK);
        const double *m =
            b->to_image[0]; /* the strip's right end is at x = 4 of the picture, the view begins at m[1] */
        double share = fmin(1, (4 - fmax(0, m[1])) / 4);
        if (share <= 0)
            gone++, assert_int_equal(b->truth.counts[0], 0);
        else if (share < 0.2)
            ignored++, assert_true(b->truth.rows[YL_TRUTH_KIND] == YL_TRUTH_IGNORE);
        else if (share > 0.9 && m[3] < 0 && m[2] + m[3] > 30)
            whole++, assert_true(b->truth.rows[YL_TRUTH_KIND] == YL_TRUTH_OBJECT);
        for (int32_t i = 0; i < b->truth.counts[0]; i++) {
            const float *r = b->truth.rows;
            assert_true(r[0] - r[2] / 2 > -1e-6f && r[0] + r[2] / 2 < 1 + 1e-6f && r[1] - r[3] / 2 > -1e-6f);
        }
    }
    assert_true(whole > 5 && ignored > 0 && gone > 5);
    yl_loader_free(l);
}

static void bad_samples(void **state)
{
    (void)state;
    static const float bad[][YL_SAMPLE_FIELDS] = {{5, 5, 4, 9, 0, 0},        {1, 1, 1, 9, 0, 0},  {NAN, 1, 2, 3, 0, 0},
                                                  {0, 0, INFINITY, 1, 0, 0}, {1, 1, 2, 2, -1, 0}, {1, 1, 2, 2, .5f, 0},
                                                  {1, 1, 2, 2, 0, 3}};
    yl_loader_options o = some_options();
    yl_loader *l;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        yl_sample list[2] = {samples[0], {"some/path.png", bad[i], 1}};
        assert_int_equal(yl_loader_create(list, 2, &o, &l), YL_INVALID);
        assert_non_null(strstr(yl_error(), "sample 2 (some/path.png), truth 1"));
    }
    assert_int_equal(yl_loader_create(samples, 0, &o, &l), YL_INVALID);
}

/* Every allocation fails once: creation or a batch says so, nothing leaks (the address sanitizer looks) and nothing hangs. */
static void memory_runs_out(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    int failed = 0;
    o.workers = 1;
    for (int n = 1; n < 60; n++) {
        yl_loader *l = NULL;
        const yl_batch *b;
        yl__alloc_fail_at(n);
        yl_status status = yl_loader_create(samples, COUNT, &o, &l);
        if (status == YL_OK) yl_loader_epoch(l, 0, 0);
        for (int k = 0; k < 3 && status == YL_OK; k++) status = yl_loader_next(l, &b);
        failed += status == YL_MEMORY;
        assert_true(status == YL_OK || status == YL_MEMORY);
        yl__alloc_fail_at(0);
        if (l) yl_loader_free(l);
    }
    assert_true(failed > 20);
}

static void steady_epochs_allocate_nothing(void **state)
{
    (void)state;
    yl_loader_options o = some_options();
    yl_loader *l;
    o.workers = 1;
    assert_int_equal(yl_loader_create(samples, COUNT, &o, &l), YL_OK);
    drain(l, 0);
    int64_t before = yl__alloc_count();
    for (int e = 1; e < 4; e++) drain(l, e);
    assert_int_equal(yl__alloc_count(), before);
    yl_loader_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_change_nothing),
        cmocka_unit_test(epochs_are_permutations),
        cmocka_unit_test(inference_keeps_the_order),
        cmocka_unit_test(second_epoch_decodes_nothing),
        cmocka_unit_test(failures_reach_the_consumer),
        cmocka_unit_test(interrupt_ends_the_wait),
        cmocka_unit_test(stops_at_any_time),
        cmocka_unit_test(truth_follows_the_picture),
        cmocka_unit_test(attributes_follow_the_flip),
        cmocka_unit_test(attributes_follow_the_crop),
        cmocka_unit_test(little_is_ignored),
        cmocka_unit_test(bad_samples),
        cmocka_unit_test(orientation_and_stray_bytes),
        cmocka_unit_test(memory_runs_out),
        cmocka_unit_test(steady_epochs_allocate_nothing),
        cmocka_unit_test(stored_pictures_need_no_decoding),
    };
    return cmocka_run_group_tests(tests, make_samples, remove_samples);
}
