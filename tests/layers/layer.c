/* The registry of layer kinds: each is found by its name, and says what the other rooms rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "layers/layer.h"

static void test_found_by_name(void **state)
{
    (void)state;
    int count = 0;
    for (; yl_layer_kinds[count]; count++) {
        const yl_layer_kind *kind = yl_layer_kinds[count];
        assert_ptr_equal(yl_layer_find(kind->name), kind); /* no two of one name */
        assert_true(kind->stem && kind->stem[0] && kind->shape && kind->forward);
        assert_true(kind->backward || kind->loss_parts);
        assert_true(!kind->loss_parts == !kind->loss);
        assert_true(kind->min_inputs >= 1 && kind->max_inputs >= kind->min_inputs && kind->max_inputs <= YL_MAX_INPUTS);
        if (kind->fields) assert_string_equal(kind->fields->who, kind->name);
    }
    assert_true(count >= 15);
    assert_null(yl_layer_find("conv"));
    assert_null(yl_layer_find(""));
    assert_null(yl_layer_find("Conv2d"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_by_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
