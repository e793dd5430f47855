/* Decoded pictures in memory: what is kept, what is decoded again, what the consumer is warned of. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"
#include "image/encode.h"
#include "loader/cache.h"

enum { W = 8, H = 4, BYTES = W * H * 3 };
static char folder[] = "yolua-cache-XXXXXX";

static void write_picture(const char *path, int grey)
{
    yl_image image;
    assert_int_equal(yl_image_new(W, H, &image), YL_OK);
    memset(image.data, grey, BYTES);
    assert_int_equal(yl_image_write_png(path, &image), YL_OK);
    yl_image_free(&image);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    return chdir(folder);
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    assert_int_equal(chdir(".."), 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static yl_cache *make(int64_t limit, const char *store)
{
    yl_cache *cache;
    assert_int_equal(yl_cache_create(limit, store, false, &cache), YL_OK);
    return cache;
}

/* Asks for a picture and checks its pixels. Returns whether it was decoded; `kept`: the cache holds it now. */
static bool get(yl_cache *cache, const char *path, yl_file_key *key, int grey, bool kept)
{
    yl_image image;
    bool owned, decoded;
    assert_int_equal(yl_cache_get(cache, path, key, true, &image, &owned, &decoded), YL_OK);
    assert_int_equal(image.w, W);
    assert_int_equal(image.data[0], grey);
    assert_int_equal(image.data[BYTES - 1], grey);
    assert_int_equal(owned, !kept);
    if (owned) yl_image_free(&image);
    return decoded;
}

static void test_kept_up_to_the_limit(void **state)
{
    (void)state;
    yl_cache *cache = make(2 * BYTES, NULL);
    yl_file_key keys[3] = {{0}};
    write_picture("a.png", 10), write_picture("b.png", 20), write_picture("c.png", 30);
    assert_true(get(cache, "a.png", &keys[0], 10, true));
    assert_true(get(cache, "b.png", &keys[1], 20, true));
    assert_true(get(cache, "c.png", &keys[2], 30, false)); /* no room; the others stay */
    assert_int_equal(yl_cache_bytes(cache), 2 * BYTES);
    for (int epoch = 0; epoch < 2; epoch++) {
        assert_false(get(cache, "a.png", &keys[0], 10, true));
        assert_false(get(cache, "b.png", &keys[1], 20, true));
        assert_true(get(cache, "c.png", &keys[2], 30, false));
    }
    yl_cache_free(cache);
    yl_cache_free(NULL);
}

static void test_keyed_by_content(void **state)
{
    (void)state;
    yl_cache *cache = make(10 * BYTES, NULL);
    yl_file_key key = {0}, other = {0};
    write_picture("a.png", 10), write_picture("same.png", 10);
    assert_true(get(cache, "a.png", &key, 10, true));
    assert_false(get(cache, "same.png", &other, 10, true)); /* the same bytes under another name */
    assert_int_equal(yl_cache_bytes(cache), BYTES);
    write_picture("a.png", 77); /* a new file, whatever its date says */
    assert_true(get(cache, "a.png", &key, 77, true));
    assert_int_equal(yl_cache_bytes(cache), 2 * BYTES);
    yl_cache_free(cache);
}

/* A file that has not changed since is not read again. */
static void test_unchanged_files_are_not_read(void **state)
{
    (void)state;
    yl_cache *cache = make(10 * BYTES, NULL);
    yl_file_key key = {0};
    struct stat before;
    write_picture("a.png", 10);
    assert_true(get(cache, "a.png", &key, 10, true));
    assert_true(key.known);
    assert_int_equal(stat("a.png", &before), 0);
    FILE *file = fopen("a.png", "r+b"); /* other bytes behind the same date: they would be no picture */
    assert_non_null(file);
    assert_int_equal(fputs("no picture", file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(utimensat(AT_FDCWD, "a.png", (struct timespec[2]){before.st_atim, before.st_mtim}, 0), 0);
    assert_false(get(cache, "a.png", &key, 10, true));
    yl_image image;
    bool owned, decoded;
    yl_file_key fresh = {0};
    assert_int_equal(yl_cache_get(cache, "a.png", &fresh, true, &image, &owned, &decoded), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "a.png"));
    yl_cache_free(cache);
}

static void test_many(void **state)
{
    (void)state;
    enum { MANY = 150 }; /* the table grows */
    static yl_file_key keys[MANY];
    char path[32];
    yl_cache *cache = make((int64_t)MANY * W * H * 3, NULL);
    for (int i = 0; i < MANY; i++) {
        yl_image image;
        snprintf(path, sizeof path, "many%d.png", i);
        assert_int_equal(yl_image_new(W, H, &image), YL_OK);
        memset(image.data, i % 100, BYTES);
        image.data[4] = (uint8_t)(i / 100 + 1);
        assert_int_equal(yl_image_write_png(path, &image), YL_OK);
        yl_image_free(&image);
        assert_true(get(cache, path, &keys[i], i % 100, true));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(path, sizeof path, "many%d.png", i);
        assert_false(get(cache, path, &keys[i], i % 100, true));
    }
    yl_cache_free(cache);
}

static void test_a_folder_serves_the_next_process(void **state)
{
    (void)state;
    yl_file_key key = {0}, again = {0};
    char notice[256];
    write_picture("a.png", 10);
    yl_cache *first = make(0, "deep/store");
    assert_true(get(first, "a.png", &key, 10, false));
    yl_cache_free(first);
    yl_cache *second = make(0, "deep/store");
    assert_false(get(second, "a.png", &again, 10, false));
    assert_false(yl_cache_notice(second, notice, sizeof notice));
    yl_cache_free(second);
}

static void test_a_folder_that_refuses(void **state)
{
    (void)state;
    yl_file_key key = {0}, other = {0};
    char notice[512];
    yl_cache *cache = make(0, "gone");
    write_picture("a.png", 10), write_picture("b.png", 20);
    assert_int_equal(rmdir("gone"), 0);
    assert_true(get(cache, "a.png", &key, 10, false)); /* no reason to fail */
    assert_true(yl_cache_notice(cache, notice, sizeof notice));
    assert_non_null(strstr(notice, "the folder of decoded pictures is no longer used: "));
    assert_non_null(strstr(notice, "gone/"));
    assert_true(get(cache, "b.png", &other, 20, false));
    assert_false(yl_cache_notice(cache, notice, sizeof notice)); /* said once */
    yl_cache_free(cache);
    write_picture("file", 1);
    assert_int_equal(yl_cache_create(0, "file", false, &cache), YL_IO);
    assert_non_null(strstr(yl_error(), "file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept_up_to_the_limit),
        cmocka_unit_test(test_keyed_by_content),
        cmocka_unit_test(test_unchanged_files_are_not_read),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_a_folder_serves_the_next_process),
        cmocka_unit_test(test_a_folder_that_refuses),
    };
    return cmocka_run_group_tests_name("loader/cache", tests, setup, teardown);
}
