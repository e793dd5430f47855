/* Tensors as text, character by character. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/memory.h"
#include "backend/device.h"
#include "tensor/tensor.h"

static yl_device *cpu;

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static void prints(const yl_tensor *t, const char *expected)
{
    yl_text text = {0};
    ok(yl_tensor_text(t, 80, &text));
    assert_string_equal(text.data, expected);
    assert_int_equal(text.length, strlen(expected));
    yl__text_free(&text);
}

static yl_tensor *counting(yl_dtype dtype, int n_dims, const int64_t *dims)
{
    yl_tensor *t;
    ok(yl_tensor_new(cpu, dtype, n_dims, dims, &t));
    int64_t index[YL_TENSOR_DIMS] = {0};
    for (int64_t n = 0; n < yl_tensor_count(t); n++) {
        for (int64_t d = n_dims - 1, rest = n; d >= 0; rest /= dims[d--]) index[d] = rest % dims[d];
        ok(yl_tensor_set(t, index, (double)n));
    }
    return t;
}

static void test_small(void **state)
{
    (void)state;
    yl_tensor *t = counting(YL_I32, 2, (int64_t[]){2, 3});
    prints(t, "i32 {2, 3}\n  0  1  2\n  3  4  5");
    ok(yl_tensor_set(t, (int64_t[]){1, 2}, -1000));
    prints(t, "i32 {2, 3}\n      0      1      2\n      3      4  -1000");
    yl_tensor_release(t);
    t = counting(YL_U8, 0, NULL);
    prints(t, "u8 {}  0");
    yl_tensor_release(t);
    t = counting(YL_F32, 2, (int64_t[]){0, 4});
    prints(t, "f32 {0, 4}");
    yl_tensor_release(t);
}

static void test_numbers(void **state)
{
    (void)state;
    const float values[] = {1, 0.1f, -3.14159274f, 1e-9f, INFINITY, NAN};
    int64_t n = 6;
    yl_tensor *t;
    ok(yl_tensor_new(cpu, YL_F32, 1, &n, &t));
    ok(yl_tensor_write(t, values));
    prints(t, "f32 {6}\n       1     0.1  -3.142   1e-09     inf     nan");
    yl_tensor_release(t);
}

static void test_abbreviation(void **state)
{
    (void)state;
    int64_t six = 6, seven = 7;
    yl_tensor *t = counting(YL_U8, 1, &six);
    prints(t, "u8 {6}\n  0  1  2  3  4  5");
    yl_tensor_release(t);
    t = counting(YL_U8, 1, &seven);
    prints(t, "u8 {7}\n  0  1  2  ...  4  5  6");
    yl_tensor_release(t);
    t = counting(YL_I64, 2, (int64_t[]){8, 1});
    prints(t, "i64 {8, 1}\n  0\n  1\n  2\n  ...\n  5\n  6\n  7");
    yl_tensor_release(t);
    t = counting(YL_U8, 3, (int64_t[]){7, 1, 2});
    prints(t, "u8 {7, 1, 2}\n[1, ., .]\n   0   1\n...\n[7, ., .]\n  12  13");
    yl_tensor_release(t);
}

static void prints_within(const yl_tensor *t, int columns, const char *expected)
{
    yl_text text = {0};
    ok(yl_tensor_text(t, columns, &text));
    assert_string_equal(text.data, expected);
    for (const char *line = text.data, *end; line; line = end ? end + 1 : NULL) {
        end = strchr(line, '\n');
        assert_true((end ? (size_t)(end - line) : strlen(line)) <= (size_t)columns);
    }
    yl__text_free(&text);
}

static void test_narrow(void **state)
{
    (void)state;
    yl_tensor *t = counting(YL_I32, 2, (int64_t[]){1, 6});
    ok(yl_tensor_set(t, (int64_t[]){0, 5}, 1234567));
    prints_within(t, 54, "i32 {1, 6}\n        0        1        2        3        4  1234567");
    prints_within(t, 53, "i32 {1, 6}\n        0        1  ...        4  1234567");
    prints_within(t, 40, "i32 {1, 6}\n        0  ...  1234567");
    prints_within(t, 24, "i32 {1, 6}\n        0  ...  1234567");
    yl_tensor_release(t);
}

static void test_many_matrices(void **state)
{
    (void)state;
    yl_tensor *t = counting(YL_I32, 4, (int64_t[]){2, 4, 1, 2});
    prints(t, "i32 {2, 4, 1, 2}\n[1, 1, ., .]\n   0   1\n...\n[1, 4, ., .]\n   6   7\n"
              "[2, 1, ., .]\n   8   9\n...\n[2, 4, ., .]\n  14  15");
    yl_tensor_release(t);
    t = counting(YL_I32, 4, (int64_t[]){2, 3, 1, 1});
    prints(t, "i32 {2, 3, 1, 1}\n[1, 1, ., .]\n  0\n[1, 2, ., .]\n  1\n[1, 3, ., .]\n  2\n"
              "[2, 1, ., .]\n  3\n[2, 2, ., .]\n  4\n[2, 3, ., .]\n  5");
    yl_tensor_release(t);
}

static void test_views_and_the_dead(void **state)
{
    (void)state;
    yl_tensor *t = counting(YL_U8, 2, (int64_t[]){2, 3}), *turned, *lent;
    ok(yl_tensor_permute(t, (int[]){1, 0}, &turned));
    prints(turned, "u8 {3, 2}\n  0  3\n  1  4\n  2  5");
    uint8_t memory[2] = {1, 2};
    int64_t two = 2;
    ok(yl_tensor_wrap(cpu, YL_U8, 1, &two, memory, NULL, &lent));
    yl_tensor_kill(lent);
    prints(lent, "u8 {2} (no longer valid)");
    yl_tensor_release(t);
    yl_tensor_release(turned);
    yl_tensor_release(lent);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    yl_tensor *t = counting(YL_F32, 2, (int64_t[]){9, 9});
    for (int n = 1; n < 8; n++) {
        yl_text text = {0};
        yl__alloc_fail_at(n);
        yl_status status = yl_tensor_text(t, 80, &text);
        yl__alloc_fail_at(0);
        assert_true(status == YL_OK || status == YL_MEMORY);
        yl__text_free(&text);
    }
    yl_tensor_release(t);
}

static int set_up(void **state)
{
    (void)state;
    return yl_device_get("cpu", &cpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),           cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_abbreviation),    cmocka_unit_test(test_views_and_the_dead),
        cmocka_unit_test(test_memory_runs_out), cmocka_unit_test(test_narrow),
        cmocka_unit_test(test_many_matrices),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
