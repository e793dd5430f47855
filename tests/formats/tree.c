/* Document trees: lookup, sorted members, duplicates, quoting; and the text formats when memory runs out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "core/memory.h"
#include "formats/json.h"
#include "formats/yaml.h"

static yl_tree *member(yl_document *d, const char *key, int64_t length, int64_t line)
{
    yl_tree *tree;
    assert_int_equal(yl__tree_new(d, YL_TREE_INTEGER, &tree), YL_OK);
    assert_int_equal(yl__tree_copy(d, key, length, &tree->key), YL_OK);
    tree->key_length = length;
    tree->line = line;
    return tree;
}

static void test_members(void **state)
{
    (void)state;
    yl_document d = {0};
    yl_tree *map;
    const yl_tree **sorted, *twice;
    static const char *const keys[] = {"b", "a", "ab", "", "B"}, *const order[] = {"", "B", "a", "ab", "b"};
    assert_int_equal(yl__tree_new(&d, YL_TREE_MAP, &map), YL_OK);
    for (int i = 0; i < 5; i++) yl__tree_add(map, member(&d, keys[i], (int64_t)strlen(keys[i]), i + 1));
    assert_int_equal(map->count, 5);
    assert_int_equal(yl__tree_find(map, "ab")->line, 3);
    assert_null(yl__tree_find(map, "abc"));
    assert_null(yl__tree_find(map->first, "a"));
    assert_int_equal(yl__tree_sorted(map, &sorted), YL_OK);
    for (int i = 0; i < 5; i++) assert_string_equal(sorted[i]->key, order[i]);
    yl__free(sorted);
    assert_int_equal(yl__tree_duplicate(map, &twice), YL_OK);
    assert_null(twice);
    yl__tree_add(map, member(&d, "a\0", 2, 6)); /* another key: it continues after the NUL */
    assert_int_equal(yl__tree_duplicate(map, &twice), YL_OK);
    assert_null(twice);
    yl__tree_add(map, member(&d, "b", 1, 7));
    assert_int_equal(yl__tree_duplicate(map, &twice), YL_OK);
    assert_int_equal(twice->line, 7);
    yl__document_free(&d);
}

static void test_many_members(void **state)
{
    (void)state;
    yl_text text = {0}, back = {0};
    yl_document d;
    assert_int_equal(yl__text_append(&text, "{", 1), YL_OK);
    for (int i = 0; i < 50000; i++) assert_int_equal(yl__text_add(&text, "%s\"%05d\":%d", i ? "," : "", i, i), YL_OK);
    assert_int_equal(yl__text_append(&text, "}", 1), YL_OK);
    assert_int_equal(yl__json_decode(text.data, text.length, "many", &d), YL_OK);
    assert_int_equal(yl__json_encode(d.root, false, &back), YL_OK);
    assert_string_equal(text.data, back.data);
    yl__document_free(&d);
    yl__text_free(&text);
    yl__text_free(&back);
}

static void test_quote(void **state)
{
    (void)state;
    static const char in[] = "\" \\ / \n \t \r \x01 \x7f \xc2\x85 \xe2\x80\xa8 \xef\xbb\xbf \xff \xc3\xa9";
    yl_text text = {0};
    assert_int_equal(yl__tree_quote(&text, in, sizeof in - 1), YL_OK);
    assert_string_equal(text.data,
                        "\"\\\" \\\\ / \\n \\t \\u000d \\u0001 \\u007f \\u0085 \\u2028 \\ufeff \\ufffd \xc3\xa9\"");
    yl__text_free(&text);
}

typedef yl_status (*decode_fn)(const char *, int64_t, const char *, yl_document *);

/* Every allocation of reading and writing fails once, in turn: it is reported, and nothing leaks. */
static int count_failures(decode_fn decode, const char *text, bool yaml)
{
    int failures = 0;
    for (int n = 1; n < 200; n++) {
        yl_document d;
        yl_text out = {0};
        yl__alloc_fail_at(n);
        yl_status status = decode(text, (int64_t)strlen(text), "x", &d);
        if (status == YL_OK) {
            status = yaml ? yl__yaml_encode(d.root, &out) : yl__json_encode(d.root, true, &out);
            yl__document_free(&d);
        }
        assert_true(status == YL_OK || status == YL_MEMORY);
        failures += status != YL_OK;
        yl__text_free(&out);
    }
    yl__alloc_fail_at(0);
    return failures;
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    assert_in_range(count_failures(yl__json_decode, "{\"b\":[1,\"x\",{\"c\":{}}],\"a\":null,\"d\":[[2]]}", false), 6,
                    60);
    assert_in_range(count_failures(yl__yaml_decode, "b: [1, x, {c: {}}]\na: null\nd:\n- - 2\n", true), 4, 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
