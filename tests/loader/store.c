/* Decoded pictures on disk: what was written is read, anything else is as good as absent. */
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

#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"
#include "loader/store.h"

enum { W = 5, H = 3, HIGH = 0x12, LOW = 0x34 };
static char folder[] = "yolua-store-XXXXXX", path[96];
static char *whole;
static int64_t size;

static void write_picture(uint8_t first)
{
    yl_image image;
    assert_int_equal(yl_image_new(W, H, &image), YL_OK);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) image.data[i] = (uint8_t)(first + 7 * i);
    assert_int_equal(yl__store_write(folder, HIGH, LOW, &image), YL_OK);
    yl_image_free(&image);
}

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/%032x.rgb", folder, LOW);
    path[strlen(folder) + 1 + 15] = '2',
                              path[strlen(folder) + 1 + 14] = '1'; /* the high half, 16 digits, comes first */
    write_picture(9);
    assert_int_equal(yl__file_read(path, &whole, &size), YL_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    yl__free(whole);
    remove(path);
    return rmdir(folder); /* nothing else was left there */
}

static void put(const char *bytes, int64_t count)
{
    assert_int_equal(yl__file_write(path, bytes, count), YL_OK);
}

static bool reads(uint8_t first)
{
    yl_image image;
    if (!yl__store_read(folder, HIGH, LOW, &image)) return false;
    assert_int_equal(image.w, W);
    assert_int_equal(image.h, H);
    for (int64_t i = 0; i < yl_image_bytes(&image); i++) assert_int_equal(image.data[i], (uint8_t)(first + 7 * i));
    yl_image_free(&image);
    return true;
}

static void test_written_and_read(void **state)
{
    (void)state;
    yl_image image;
    assert_true(reads(9));
    assert_false(yl__store_read(folder, HIGH, LOW + 1, &image));
    assert_false(yl__store_read(folder, LOW, HIGH, &image));
    assert_false(yl__store_read("/nowhere", HIGH, LOW, &image));
    write_picture(100); /* in place of the other */
    assert_true(reads(100));
    put(whole, size);
}

/* A file that ends anywhere, or has more than the picture. */
static void test_other_lengths(void **state)
{
    (void)state;
    for (int64_t n = 0; n < size; n++) {
        put(whole, n);
        if (reads(9)) fail_msg("a file of %d bytes was read, of %d", (int)n, (int)size);
    }
    char *longer;
    assert_int_equal(yl__calloc(size + 3, 1, &longer), YL_OK);
    memcpy(longer, whole, (size_t)size);
    put(longer, size + 3);
    assert_false(reads(9));
    yl__free(longer);
    put(whole, size);
    assert_true(reads(9));
}

/* A bit that has changed, in the sizes, the checksum or the pixels. */
static void test_other_bytes(void **state)
{
    (void)state;
    for (int64_t i = 0; i < size; i++) {
        whole[i] ^= 0x10;
        put(whole, size);
        if (reads(9)) fail_msg("a file with another byte at %d was read", (int)i);
        whole[i] ^= 0x10;
    }
    put(whole, size);
    assert_true(reads(9));
}

static void test_a_folder_that_refuses(void **state)
{
    (void)state;
    yl_image image;
    assert_int_equal(yl_image_new(1, 1, &image), YL_OK);
    memset(image.data, 1, 3);
    assert_int_equal(yl__store_write("/nowhere", 1, 2, &image), YL_IO);
    assert_non_null(strstr(yl_error(), "/nowhere/00000000000000010000000000000002.rgb"));
    yl_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read),
        cmocka_unit_test(test_other_lengths),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_a_folder_that_refuses),
    };
    return cmocka_run_group_tests_name("loader/store", tests, setup, teardown);
}
