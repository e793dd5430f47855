/* The registry of layer kinds: each is found by its name, and says what the other rooms rely on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
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
        if (kind->fields) assert_string_equal(kind->fields->owner, kind->name);
        assert_true(kind->help && kind->help[0]);
        if (kind->head) assert_true(kind->head->geometry && kind->head->decode);
    }
    assert_true(count >= 15);
    assert_null(yl_layer_find("conv"));
    assert_null(yl_layer_find(""));
    assert_null(yl_layer_find("Conv2d"));
}

/* What a convolution and a batch-norm absorb, and which kinds are heads. */
static void test_answers(void **state)
{
    (void)state;
    int heads = 0;
    for (int i = 0; yl_layer_kinds[i]; i++) {
        int absorbed = 0;
        for (const yl_layer_kind *const *other = yl_layer_kinds[i]->absorbs; other && *other; other++) absorbed++;
        bool batchnorm = yl_layer_kinds[i] == &yl_layer_batchnorm;
        assert_int_equal(absorbed, yl_layer_kinds[i] == &yl_layer_conv2d ? 2 : batchnorm);
        assert_int_equal(yl_layer_kinds[i]->absorbs_in_training, batchnorm);
        assert_true(absorbed <= YL_MAX_ABSORBED);
        heads += yl_layer_kinds[i]->head != NULL;
    }
    assert_int_equal(heads, 2);
    assert_non_null(yl_layer_yolo.head);
    assert_non_null(yl_layer_region.head);
}

/* Kinds that are registered at run time: found by name, listed behind the others, replaced by name, and gone again. */
static void test_registering(void **state)
{
    (void)state;
    yl_layer_kind one = yl_layer_maxpool, two = yl_layer_maxpool, taken = yl_layer_maxpool;
    int count = 0;
    while (yl_layer_at(count)) count++;
    one.name = two.name = "own";
    assert_null(yl_layer_registered(0));
    assert_int_equal(yl_layer_register(&one), YL_OK);
    assert_ptr_equal(yl_layer_find("own"), &one);
    assert_ptr_equal(yl_layer_at(count), &one);
    assert_ptr_equal(yl_layer_registered(0), &one);
    assert_int_equal(yl_layer_register(&two), YL_OK);
    assert_ptr_equal(yl_layer_find("own"), &two);
    assert_null(yl_layer_at(count + 1));
    assert_int_equal(yl_layer_register(&taken), YL_INVALID);
    assert_string_equal(yl_error(), "layer 'maxpool': yolua has a layer of that name; choose another");
    yl_layer_unregister(&one); /* made way long ago */
    assert_ptr_equal(yl_layer_find("own"), &two);
    yl_layer_unregister(&two);
    assert_null(yl_layer_find("own"));
}

static void test_room(void **state)
{
    (void)state;
    static yl_layer_kind kinds[YL_MAX_REGISTERED + 1];
    static char names[YL_MAX_REGISTERED + 1][16];
    for (int i = 0; i <= YL_MAX_REGISTERED; i++) {
        kinds[i] = yl_layer_maxpool;
        snprintf(names[i], sizeof names[i], "own%d", i);
        kinds[i].name = names[i];
        assert_int_equal(yl_layer_register(&kinds[i]), i < YL_MAX_REGISTERED ? YL_OK : YL_INVALID);
    }
    assert_string_equal(yl_error(), "layer 'own64': at most 64 kinds of layers can be registered");
    for (int i = 0; i < YL_MAX_REGISTERED; i++) yl_layer_unregister(&kinds[i]);
    assert_null(yl_layer_registered(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_found_by_name), cmocka_unit_test(test_answers),
                                       cmocka_unit_test(test_registering), cmocka_unit_test(test_room)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
