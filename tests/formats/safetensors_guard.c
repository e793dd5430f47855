/* The checksum of a guarded file: it is where the format says, any changed bit is refused, and it follows a note that changes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "core/file.h"
#include "core/memory.h"
#include "formats/safetensors.h"
#include "formats/safetensors_guard.h"

static const char PATH[] = "safetensors_guard_test.bin";
static const float numbers[3] = {1, -2, .5f};
static const uint8_t bytes[2] = {7, 0};
static const yl_safetensor tensors[] = {
    {.name = "w", .dtype = YL_F32, .n_dims = 1, .dims = {3}, .data = numbers},
    {.name = "none", .dtype = YL_F32, .n_dims = 1, .dims = {0}, .data = NULL},
    {.name = "mask/w", .dtype = YL_U8, .n_dims = 1, .dims = {2}, .data = bytes},
};
static const yl_safetensors_note note = {"step", "7"};

static void write_guarded(char **data, int64_t *size)
{
    assert_int_equal(yl_safetensors_write_guarded(PATH, tensors, 3, &note, 1), YL_OK);
    assert_int_equal(yl__file_read(PATH, data, size), YL_OK);
}

/* Without waiting for the disk: it is done for every bit. */
static void put(const char *data, int64_t size)
{
    FILE *f = fopen(PATH, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, (size_t)size, f), size);
    assert_int_equal(fclose(f), 0);
}

/* The description in safetensors_guard.h, word for word. */
static void test_place(void **state)
{
    (void)state;
    char *data, digits[YL__GUARD_DIGITS + 1];
    int64_t size;
    write_guarded(&data, &size);
    assert_memory_equal(data + 8, "{\"__metadata__\":{\"yolua.guard\":\"yolua:xxh64:", 44);
    assert_memory_equal(data + 68, "\",\"step\":\"7\"}", 13);
    memcpy(digits, data + 52, YL__GUARD_DIGITS);
    digits[YL__GUARD_DIGITS] = 0;
    memset(data + 52, '0', YL__GUARD_DIGITS);
    char expected[YL__GUARD_DIGITS + 1];
    snprintf(expected, sizeof expected, "%016llx", (unsigned long long)XXH64(data, (size_t)size, 0));
    assert_string_equal(digits, expected);
    yl__free(data);
}

/* However a file is taken apart. */
static void test_pieces(void **state)
{
    (void)state;
    char data[100], whole[YL__GUARD_TEXT], text[YL__GUARD_TEXT];
    for (int i = 0; i < 100; i++) data[i] = (char)(i * 7);
    yl__guard guard;
    assert_int_equal(yl__guard_begin(&guard), YL_OK);
    yl__guard_add(&guard, data, 100);
    yl__guard_end(&guard, whole);
    memset(data + YL__GUARD_AT, 'x', YL__GUARD_DIGITS); /* what stands there does not count */
    for (int first = 0; first <= 100; first++) {
        assert_int_equal(yl__guard_begin(&guard), YL_OK);
        yl__guard_add(&guard, data, first);
        yl__guard_add(&guard, NULL, 0);
        yl__guard_add(&guard, data + first, 100 - first);
        yl__guard_end(&guard, text);
        assert_string_equal(text, whole);
    }
}

static void test_every_bit(void **state)
{
    (void)state;
    char *data;
    int64_t size;
    yl_safetensors *f;
    write_guarded(&data, &size);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    assert_true(yl_safetensors_guarded(f));
    const yl_safetensors_note *notes;
    assert_int_equal(yl_safetensors_notes(f, &notes), 1); /* the checksum is not among them */
    yl_safetensors_close(f);
    for (int64_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
        put(data, size);
        if (yl_safetensors_open(PATH, &f) == YL_OK) fail_msg("bit %d of byte %d", (int)(bit % 8), (int)(bit / 8));
        assert_non_null(strstr(yl_error(), PATH));
        data[bit / 8] = (char)(data[bit / 8] ^ 1 << bit % 8);
    }
    put(data, size);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    yl_safetensors_close(f);
    yl__free(data);
}

static void test_notes(void **state)
{
    (void)state;
    char *data;
    int64_t size;
    yl_safetensors *f;
    write_guarded(&data, &size);
    yl__free(data);
    assert_int_equal(yl_safetensors_annotate(PATH, "conf", "a \"new\" note"), YL_OK);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    assert_true(yl_safetensors_guarded(f));
    assert_string_equal(yl_safetensors_note_of(f, "conf"), "a \"new\" note");
    assert_string_equal(yl_safetensors_note_of(f, "step"), "7");
    yl_safetensors_close(f);
    assert_int_equal(yl_safetensors_write(PATH, tensors, 3, &note, 1), YL_OK);
    assert_int_equal(yl_safetensors_annotate(PATH, "step", "8"), YL_OK);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    assert_false(yl_safetensors_guarded(f));
    yl_safetensors_close(f);
    const yl_safetensors_note key = {YL__GUARD_KEY, "x"}, text = {"x", YL__GUARD_SCHEME "0"};
    assert_int_equal(yl_safetensors_write(PATH, tensors, 3, &key, 1), YL_INVALID);
    assert_int_equal(yl_safetensors_write_guarded(PATH, tensors, 3, &text, 1), YL_INVALID);
    assert_non_null(strstr(yl_error(), "a note 'x' would pass for a checksum"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_place),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
