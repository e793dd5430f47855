/* Opening the CUDA plug-in: what is said where it cannot be, and that `auto` then takes the CPU. tests/gpu has the rest. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "backend/plugin.h"
#include "backend/device.h"
#include "kernels/kernels.h"

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

static void take_sentence(yl_status status, const char *sentence)
{
    (void)status, (void)sentence;
}

/* A plug-in takes a program whose table has its own kernels, and no other. */
static void test_other_kernels(void **state)
{
    (void)state;
    const char *file = getenv("YOLUA_DOUBLE");
    if (!file) {
        print_message("SKIP plug-ins for another program: there is no C++ compiler for the double\n");
        return;
    }
    void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL), *symbol = library ? dlsym(library, YL_PLUGIN_ENTRY) : NULL;
    yl_plugin_entry_function *entry;
    assert_non_null(symbol);
    memcpy(&entry, &symbol, sizeof entry);
#define TEXT(name, parameters, cuda) #name #parameters
    const yl_plugin_host same = {YL_PLUGIN_VERSION, YL_KERNELS(TEXT), take_sentence};
    const yl_plugin_host turned = {YL_PLUGIN_VERSION, "step_adam" YL_KERNELS(TEXT), take_sentence};
    const yl_plugin_host older = {YL_PLUGIN_VERSION - 1, YL_KERNELS(TEXT), take_sentence};
    assert_non_null(entry(&same));
    assert_null(entry(&turned));
    assert_null(entry(&older));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_plugin), cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_other_kernels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
