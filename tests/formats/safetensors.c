/* safetensors: the bytes of a written file against the format's description, a round trip, and refusals of broken
 * files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "formats/safetensors.h"

static const char PATH[] = "safetensors_test.bin";

static void put(const void *header, uint64_t claimed, size_t length, int64_t data)
{
    char file[4096] = {0};
    for (int i = 0; i < 8; i++) file[i] = (char)(claimed >> 8 * i);
    memcpy(file + 8, header, length);
    assert_int_equal(yl__file_write(PATH, file, 8 + (int64_t)length + data), YL_OK);
}

static void refused(const char *header, int64_t data, yl_status expected, const char *word)
{
    yl_safetensors *f;
    put(header, strlen(header), strlen(header), data);
    assert_int_equal(yl_safetensors_open(PATH, &f), expected);
    assert_null(f);
    assert_non_null(strstr(yl_error(), PATH));
    if (!strstr(yl_error(), word)) fail_msg("'%s' lacks '%s'", yl_error(), word);
}

static void test_bytes(void **state)
{
    (void)state;
    float one[2] = {1, -2};
    yl_safetensor t = {.name = "a\"b", .dtype = YL_F32, .n_dims = 2, .dims = {1, 2}, .data = one};
    yl_safetensors_note note = {"step", "7"};
    static const char json[] =
        "{\"__metadata__\":{\"step\":\"7\"},\"a\\\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]}}";
    char *data;
    int64_t size;
    assert_int_equal(yl_safetensors_write(PATH, &t, 1, &note, 1), YL_OK);
    assert_int_equal(yl__file_read(PATH, &data, &size), YL_OK);
    assert_int_equal(size, 128 + 8);
    assert_memory_equal(data, "\x78\0\0\0\0\0\0\0", 8); /* 120 = 128 - 8 */
    assert_memory_equal(data + 8, json, sizeof json - 1);
    for (size_t i = 8 + sizeof json - 1; i < 128; i++) assert_int_equal(data[i], ' ');
    assert_memory_equal(data + 128, one, 8);
    yl__free(data);
}

static void test_round_trip(void **state)
{
    (void)state;
    float f32[6] = {0.1f, 2, 3, 4, 5, 6};
    uint8_t u8[3] = {1, 2, 255}, back[24];
    double f64[1] = {1.0 / 3};
    int64_t i64[2] = {INT64_MIN, INT64_MAX};
    yl_safetensor t[] = {
        {.name = "w", .dtype = YL_F32, .n_dims = 3, .dims = {1, 2, 3}, .data = f32},
        {.name = "bytes", .dtype = YL_U8, .n_dims = 1, .dims = {3}, .data = u8},
        {.name = "none", .dtype = YL_BF16, .n_dims = 2, .dims = {0, 4}, .data = NULL},
        {.name = "scalar", .dtype = YL_F64, .n_dims = 0, .data = f64},
        {.name = "long", .dtype = YL_I64, .n_dims = 1, .dims = {2}, .data = i64},
    };
    const int64_t bytes[] = {24, 3, 0, 8, 16};
    yl_safetensors_note notes[] = {{"b", "2\n"}, {"a", ""}};
    yl_safetensors *f;
    const yl_safetensors_note *got;
    assert_int_equal(yl_safetensors_write(PATH, t, 5, notes, 2), YL_OK);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    assert_int_equal(yl_safetensors_count(f), 5);
    for (int i = 0; i < 5; i++) {
        const yl_safetensor *e = yl_safetensors_at(f, i);
        assert_string_equal(e->name, t[i].name);
        assert_int_equal(e->dtype, t[i].dtype);
        assert_int_equal(e->n_dims, t[i].n_dims);
        assert_memory_equal(e->dims, t[i].dims, sizeof e->dims);
        assert_int_equal(e->bytes, bytes[i]);
        assert_int_equal(yl_safetensors_read(f, e, back), YL_OK);
        if (bytes[i]) assert_memory_equal(back, t[i].data, (size_t)bytes[i]);
    }
    assert_ptr_equal(yl_safetensors_find(f, "scalar"), yl_safetensors_at(f, 3));
    assert_null(yl_safetensors_find(f, "absent"));
    assert_int_equal(yl_safetensors_notes(f, &got), 2);
    assert_string_equal(got[0].key, "b");
    assert_string_equal(yl_safetensors_note_of(f, "b"), "2\n");
    assert_string_equal(yl_safetensors_note_of(f, "a"), "");
    assert_null(yl_safetensors_note_of(f, "c"));
    yl_safetensors_close(f);
}

static void test_lengths(void **state)
{
    (void)state;
    yl_safetensors *f;
    put("{}", UINT64_MAX, 2, 0);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "18446744073709551615"));
    assert_int_equal(yl__file_write(PATH, "not a checkpoint", 16), YL_OK);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_FORMAT);
    assert_non_null(strstr(yl_error(), "not a safetensors file"));
    assert_int_equal(yl__file_write(PATH, "", 0), YL_OK);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_FORMAT);
    put("", 0, 0, 0);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_FORMAT);
    assert_int_equal(yl_safetensors_open("absent.safetensors", &f), YL_IO);
    assert_int_equal(yl_safetensors_open(".", &f), YL_IO);
    assert_non_null(strstr(yl_error(), "not a regular file"));
    put("{}  ", 4, 4, 0);
    assert_int_equal(yl_safetensors_open(PATH, &f), YL_OK);
    assert_int_equal(yl_safetensors_count(f), 0);
    yl_safetensors_close(f);
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static void test_refusals(void **state)
{
    (void)state;
    refused("[]", 0, YL_FORMAT, "a list");
    refused("{\"a\":1}", 0, YL_FORMAT, "tensor 'a' is described by a number");
    refused("{\"a\":{}}", 0, YL_FORMAT, "no dtype");
    refused("{\"a\":" T("F8_E4M3", "[1]", "[0,1]") "}", 1, YL_UNSUPPORTED, "dtype 'F8_E4M3'");
    refused("{\"a\":" T("F32", "2", "[0,8]") "}", 8, YL_FORMAT, "shape");
    refused("{\"a\":" T("F32", "[-2]", "[0,8]") "}", 8, YL_FORMAT, "whole number");
    refused("{\"a\":" T("F32", "[1.5]", "[0,8]") "}", 8, YL_FORMAT, "whole number");
    refused("{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, YL_FORMAT, "8 dimensions");
    refused("{\"a\":" T("F32", "[4611686018427387904,4]", "[0,8]") "}", 8, YL_FORMAT, "larger than any file");
    refused("{\"a\":" T("F32", "[2]", "[0,4]") "}", 4, YL_FORMAT, "has 4 bytes, its shape and dtype ask for 8");
    refused("{\"a\":" T("F32", "[2]", "[-8,0]") "}", 8, YL_FORMAT, "-8 to 0 of 8");
    refused("{\"a\":" T("F32", "[2]", "[8,0]") "}", 8, YL_FORMAT, "8 to 0");
    refused("{\"a\":" T("F32", "[2]", "[0,9223372036854775807]") "}", 8, YL_FORMAT, "of 8");
    refused("{\"a\":" T("F32", "[2]", "[0]") "}", 8, YL_FORMAT, "data_offsets");
    refused("{\"a\":" T("F32", "[2]", "[0,8]") "}", 9, YL_FORMAT, "8 bytes, the file holds 9");
    refused("{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[1]", "[4,8]") "}", 8, YL_FORMAT, "overlap");
    refused("{\"a\":" T("F32", "[2]", "[4,12]") "}", 12, YL_FORMAT, "gap");
    refused("{\"a\":" T("F32", "[1]", "[0,4]") ",\"a\":" T("F32", "[1]", "[4,8]") "}", 8, YL_FORMAT, "twice");
    refused("{\"__metadata__\":{\"a\":1}}", 0, YL_FORMAT, "__metadata__ 'a' is a number");
    refused("{\"__metadata__\":[]}", 0, YL_FORMAT, "__metadata__");
    refused("{\"__metadata__\":{},\"__metadata__\\u0000\":{}}", 0, YL_FORMAT, "NUL");
    refused("{\"a\":", 0, YL_FORMAT, "line 1, byte 5");
}

static void test_writer_refuses(void **state)
{
    (void)state;
    float x = 0;
    yl_safetensor twice[] = {{.name = "a", .n_dims = 0, .data = &x}, {.name = "a", .n_dims = 0, .data = &x}};
    yl_safetensor reserved = {.name = "__metadata__", .data = &x},
                  negative = {.name = "n", .n_dims = 1, .dims = {-1}, .data = &x};
    remove(PATH);
    assert_int_equal(yl_safetensors_write(PATH, twice, 2, NULL, 0), YL_INVALID);
    assert_int_equal(yl_safetensors_write(PATH, &reserved, 1, NULL, 0), YL_INVALID);
    assert_int_equal(yl_safetensors_write(PATH, &negative, 1, NULL, 0), YL_INVALID);
    assert_int_equal(access(PATH, F_OK), -1);
    assert_int_equal(yl_safetensors_write("/proc/yolua/x", twice, 1, NULL, 0), YL_IO);
}

/* Each allocation fails once, in turn: the call reports it and leaks nothing (the address sanitizer looks). */
static void test_memory_runs_out(void **state)
{
    (void)state;
    float x = 1;
    yl_safetensor t = {.name = "a", .data = &x};
    yl_safetensors_note note = {"k", "v"};
    yl_safetensors *f = NULL;
    int failures = 0;
    for (int n = 1; n < 100; n++) {
        yl__alloc_fail_at(n);
        yl_status status = yl_safetensors_write(PATH, &t, 1, &note, 1);
        if (status == YL_OK) status = yl_safetensors_open(PATH, &f);
        if (status == YL_OK) yl_safetensors_close(f);
        assert_true(status == YL_OK || status == YL_MEMORY);
        failures += status != YL_OK;
    }
    yl__alloc_fail_at(0);
    assert_in_range(failures, 8, 90);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_writer_refuses), cmocka_unit_test(test_memory_runs_out),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    remove(PATH);
    return failed;
}
