/* Memory: alignment, sizes that overflow, growth that keeps what was there, and failures made on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/memory.h"

static void aligned_and_zeroed(void **state)
{
    (void)state;
    for (int64_t size = 0; size < 300; size += 37) {
        char *p;
        assert_int_equal(yl__calloc(size, 1, &p), YL_OK);
        assert_true(p != NULL && (uintptr_t)p % YL_ALIGNMENT == 0);
        for (int64_t i = 0; i < size; i++) assert_int_equal(p[i], 0);
        yl__free(p);
    }
    yl__free(NULL);
}

static void sizes_that_cannot_be(void **state)
{
    (void)state;
    char *p = NULL;
    assert_int_equal(yl__alloc(-1, 1, &p), YL_MEMORY);
    assert_non_null(strstr(yl_error(), "-1 elements"));
    assert_int_equal(yl__alloc(INT64_MAX, 16, &p), YL_MEMORY);
    assert_int_equal(yl__alloc(INT64_MAX, SIZE_MAX, &p), YL_MEMORY);
    assert_int_equal(yl__calloc(INT64_MAX / 2, 1, &p), YL_MEMORY);
    assert_null(p);
}

static void products(void **state)
{
    (void)state;
    assert_int_equal(yl__product(0, NULL), 1);
    assert_int_equal(YL_PRODUCT(7), 7);
    assert_int_equal(YL_PRODUCT(3, 5, 7, 11), 1155);
    assert_int_equal(YL_PRODUCT(INT64_MAX), INT64_MAX);
    assert_int_equal(YL_PRODUCT((int64_t)1 << 31, (int64_t)1 << 31), (int64_t)1 << 62);
    assert_int_equal(YL_PRODUCT((int64_t)1 << 32, (int64_t)1 << 31), INT64_MAX);
    assert_int_equal(YL_PRODUCT(65536, 65536, 65536, 65536), INT64_MAX); /* 2^64, which would wrap to 0 */
    assert_int_equal(YL_PRODUCT(65536, 65536, 65536, 65536, 0), 0);
    assert_int_equal(YL_PRODUCT(0, INT64_MAX, INT64_MAX), 0);
}

static void growth_keeps(void **state)
{
    (void)state;
    int *list = NULL;
    int64_t capacity = 0;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(yl__reserve(i + 1, &capacity, sizeof *list, &list), YL_OK);
        list[i] = i * i;
    }
    assert_true(capacity >= 1000 && capacity <= 2048);
    for (int i = 0; i < 1000; i++) assert_int_equal(list[i], i * i);
    assert_int_equal(yl__realloc(capacity, 10, sizeof *list, &list), YL_OK);
    assert_int_equal(list[9], 81);
    int *before = list;
    yl__alloc_fail_at(1);
    assert_int_equal(yl__realloc(10, 20, sizeof *list, &list), YL_MEMORY);
    assert_true(list == before && list[9] == 81); /* untouched */
    yl__free(list);
}

static void failures_on_purpose(void **state)
{
    (void)state;
    char *p[4] = {0};
    int64_t before = yl__alloc_count();
    yl__alloc_fail_at(3);
    assert_int_equal(yl__alloc(1, 1, &p[0]), YL_OK);
    assert_int_equal(yl__strdup("text", &p[1]), YL_OK);
    assert_int_equal(yl__strdup("text", &p[2]), YL_MEMORY);
    assert_non_null(strstr(yl_error(), "out of memory"));
    assert_int_equal(yl__strdup("text", &p[3]), YL_OK); /* once only */
    assert_int_equal(yl__alloc_count() - before, 3);
    assert_string_equal(p[1], "text");
    yl__alloc_fail_at(1);
    yl__alloc_fail_at(0);
    char *q;
    assert_int_equal(yl__alloc(1, 1, &q), YL_OK);
    yl__free(q);
    for (int i = 0; i < 4; i++) yl__free(p[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_and_zeroed), cmocka_unit_test(sizes_that_cannot_be), cmocka_unit_test(products),
        cmocka_unit_test(growth_keeps),       cmocka_unit_test(failures_on_purpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
