/* Names and their numbers: order of arrival, spelling, growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "eval/names.h"

static int32_t add(yl_names *names, const char *name)
{
    int32_t number = -2;
    assert_int_equal(yl__names_add(names, name, &number), YL_OK);
    return number;
}

static void test_numbers(void **state)
{
    (void)state;
    yl_names names = {0};
    assert_int_equal(yl__names_find(&names, "Car"), -1); /* of an empty set too */
    assert_int_equal(add(&names, "Car"), 0);
    assert_int_equal(add(&names, "Van"), 1);
    assert_int_equal(add(&names, "Car"), 0);
    assert_int_equal(add(&names, ""), 2);
    assert_int_equal(add(&names, "car"), 3); /* exact unless told otherwise */
    assert_int_equal(yl__names_find(&names, "Van"), 1);
    assert_int_equal(yl__names_find(&names, "Va"), -1);
    assert_int_equal(names.count, 4);
    yl__names_free(&names);
    assert_int_equal(names.count, 0);
    assert_int_equal(yl__names_find(&names, "Car"), -1);
    yl__names_free(&names); /* again */
}

static void test_any_case(void **state)
{
    (void)state;
    yl_names names = {.any_case = true};
    assert_int_equal(add(&names, "Person_sitting"), 0);
    assert_int_equal(add(&names, "PERSON_SITTING"), 0);
    assert_string_equal(names.at[0], "Person_sitting"); /* the first spelling */
    assert_int_equal(yl__names_find(&names, "person_Sitting"), 0);
    assert_int_equal(add(&names, "person-sitting"), 1);
    yl__names_free(&names);
    assert_true(names.any_case);
}

static void test_many(void **state)
{
    (void)state;
    yl_names names = {0};
    char name[32];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "%06d", i);
            assert_int_equal(add(&names, name), i);
        }
    assert_int_equal(names.count, 5000);
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "%06d", i);
        assert_string_equal(names.at[i], name);
        assert_int_equal(yl__names_find(&names, name), i);
    }
    assert_int_equal(yl__names_find(&names, "005000"), -1);
    yl__names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_any_case),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("eval/names", tests, NULL, NULL);
}
