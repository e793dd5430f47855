/* Opening the CUDA plug-in: what is said where it cannot be, and that `auto` then takes the CPU. tests/gpu has the rest. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "backend/cuda.h"
#include "backend/device.h"

static void test_no_plugin(void **state)
{
    (void)state;
    yl_device *device = NULL;
    setenv("YOLUA_CUDA_PLUGIN", "/dev/null", 1);
    assert_int_equal(yl_device_get("cuda:0", &device), YL_UNSUPPORTED);
    assert_string_equal(yl_error(),
                        "device 'cuda:0': the CUDA plug-in /dev/null cannot be opened: /dev/null: file too short");
    assert_null(device);
    assert_int_equal(yl_device_get("auto", &device), YL_OK);
    assert_string_equal(device->name, "cpu");
}

static void test_names(void **state)
{
    (void)state;
    static const char *const wrong[] = {"cuda0", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "CUDA"};
    yl_device *device = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(yl_device_get(wrong[i], &device), YL_INVALID);
    assert_null(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_plugin), cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
