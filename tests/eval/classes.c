/* Class lists against the names of a set: members, crowds, names that two classes claim. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "eval/classes.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A set whose frame has a truth of each name. */
static yl_eval_set *set_of(const char *const *names)
{
    yl_eval_set *set;
    yl_label rows[16];
    int64_t count = 0;
    assert_int_equal(yl_eval_set_new(&set), YL_OK);
    for (; names[count]; count++)
        rows[count] = (yl_label){.name = names[count], .class_index = -1, .box = {0, 0, 10, 10}, .score = 1};
    assert_int_equal(yl_eval_set_add(set, "000001", rows, count, NULL, 0), YL_OK);
    return set;
}

/* The class of a name ("" for none), or of which it is a crowd. */
static const char *class_of(const yl_eval_set *set, const yl_eval_classes *classes, const int32_t *map,
                            const char *name)
{
    int32_t number = yl__names_find(&set->names, name);
    assert_true(number >= 0);
    return map[number] < 0 ? "" : classes->at[map[number]].name;
}

static void test_members(void **state)
{
    (void)state;
    static const char *const expected[][2] = {{"Car", "car"},       {"Van", "car"},        {"Pedestrian", "person"},
                                              {"person", "person"}, {"Tram", "train"},     {"Person_sitting", "person"},
                                              {"DontCare", ""},     {"BICYCLE", "bicycle"}};
    yl_eval_set *set =
        set_of(NAMES("Car", "Van", "Pedestrian", "person", "Tram", "Person_sitting", "DontCare", "BICYCLE"));
    yl__class_map map;
    assert_int_equal(yl__class_map_make(set, &yl_classes_coco, &map), YL_OK);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_string_equal(class_of(set, &yl_classes_coco, map.of, expected[i][0]), expected[i][1]);
        assert_string_equal(class_of(set, &yl_classes_coco, map.crowd, expected[i][0]), "");
    }
    yl__class_map_free(&map);
    assert_null(map.of);
    yl_eval_set_free(set);
}

static void test_crowds(void **state)
{
    (void)state;
    yl_eval_set *set = set_of(NAMES("Car", "Van", "Person_sitting", "person", "bicycle"));
    yl__class_map map;
    assert_int_equal(yl__class_map_make(set, &yl_classes_neighbours, &map), YL_OK);
    assert_string_equal(class_of(set, &yl_classes_neighbours, map.of, "Van"),
                        ""); /* it forgives, and counts for nothing */
    assert_string_equal(class_of(set, &yl_classes_neighbours, map.crowd, "Van"), "Car");
    assert_string_equal(class_of(set, &yl_classes_neighbours, map.crowd, "Person_sitting"), "Pedestrian");
    assert_string_equal(class_of(set, &yl_classes_neighbours, map.of, "person"), "Pedestrian");
    assert_string_equal(class_of(set, &yl_classes_neighbours, map.of, "bicycle"), "Cyclist");
    yl__class_map_free(&map);
    yl_eval_set_free(set);
}

static void test_two_claims(void **state)
{
    (void)state;
    const yl_eval_class twice[] = {{.name = "car", .members = NAMES("Van")},
                                   {.name = "truck", .members = NAMES("van")}};
    const yl_eval_class crowds[] = {{.name = "car", .crowd = NAMES("Van")}, {.name = "truck", .crowd = NAMES("Van")}};
    const yl_eval_class both[] = {{.name = "car", .members = NAMES("Van", "van"), .crowd = NAMES("Van")}};
    yl_eval_set *set = set_of(NAMES("Car", "Van"));
    yl__class_map map;
    assert_int_equal(yl__class_map_make(set, &(yl_eval_classes){twice, 2}, &map), YL_INVALID);
    assert_string_equal(yl_error(), "classes: 'van' was given to 'car' and to 'truck', one class was expected");
    yl__class_map_free(&map);
    assert_int_equal(yl__class_map_make(set, &(yl_eval_classes){crowds, 2}, &map), YL_INVALID);
    assert_string_equal(yl_error(), "classes: 'Van' was given to 'car' and to 'truck', one class was expected");
    yl__class_map_free(&map);
    assert_int_equal(yl__class_map_make(set, &(yl_eval_classes){both, 1}, &map),
                     YL_OK); /* one class may say it again */
    yl__class_map_free(&map);
    yl_eval_set_free(set);
    set = set_of(NAMES("Car")); /* what the data do not hold is claimed by nobody */
    assert_int_equal(yl__class_map_make(set, &(yl_eval_classes){twice, 2}, &map), YL_OK);
    yl__class_map_free(&map);
    yl_eval_set_free(set);
}

static void test_lists(void **state)
{
    (void)state;
    assert_int_equal(yl_classes_kitti.count, 8);
    assert_string_equal(yl_classes_kitti.at[0].name, "Car");
    assert_string_equal(yl_classes_kitti.at[7].name, "Misc");
    assert_int_equal(yl_classes_coco.count, 5);
    assert_string_equal(yl_classes_coco.at[4].name, "train");
    assert_int_equal(yl_classes_neighbours.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_crowds),
        cmocka_unit_test(test_two_claims),
        cmocka_unit_test(test_lists),
    };
    return cmocka_run_group_tests_name("eval/classes", tests, NULL, NULL);
}
