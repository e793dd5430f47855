/* The CPU device: memory that is zeroed, copies that may overlap, and names that are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/device.h"
#include "backend/device.h"
#include "core/memory.h"

static void test_names(void **state)
{
    (void)state;
    yl_device *cpu, *other = NULL;
    assert_int_equal(yl_device_get("cpu", &cpu), YL_OK);
    assert_string_equal(cpu->name, "cpu");
    assert_non_null(cpu->kernels);
    assert_true(cpu->isa && cpu->isa[0] && cpu->host_memory);
    assert_int_equal(yl_device_get("tpu", &other), YL_INVALID);
    assert_string_equal(yl_error(), "device 'tpu' is unknown; expected auto, cpu, cuda or cuda:N");
    assert_null(other);
}

static void test_memory(void **state)
{
    (void)state;
    yl_device *cpu;
    void *block = NULL;
    assert_int_equal(yl_device_get("cpu", &cpu), YL_OK);
    assert_int_equal(cpu->alloc(cpu, 1000, &block), YL_OK);
    char *bytes = block, text[8];
    for (int i = 0; i < 1000; i++) assert_int_equal(bytes[i], 0);
    assert_int_equal(cpu->to_device(cpu, block, "abcdefg", 8), YL_OK);
    assert_int_equal(cpu->copy(cpu, bytes + 2, bytes, 5), YL_OK); /* overlapping */
    assert_int_equal(cpu->from_device(cpu, text, block, 8), YL_OK);
    assert_memory_equal(text, "ababcde", 8);
    assert_int_equal(cpu->zero(cpu, bytes + 1, 2), YL_OK);
    assert_memory_equal(bytes, "a\0\0bcde", 8);
    assert_int_equal(cpu->sync(cpu), YL_OK);
    cpu->release(cpu, block);
    cpu->release(cpu, NULL);
    yl__alloc_fail_at(1);
    assert_int_equal(cpu->alloc(cpu, 1000, &block), YL_MEMORY);
    assert_int_equal(cpu->alloc(cpu, SIZE_MAX, &block), YL_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
