/* The table of choices: what stands, what is recorded, and the cache file that processes share. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "backend/choices.h"
#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"

static char folder[4096], path[4200];

static int setup(void **state)
{
    (void)state;
    static char name[] = "yolua-choices-XXXXXX";
    assert_non_null(mkdtemp(name));
    assert_non_null(realpath(name, folder)); /* the environment's path is an absolute one */
    setenv("XDG_CACHE_HOME", folder, 1);
    snprintf(path, sizeof path, "%s/yolua/test.txt", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char command[4200];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

static int empty(void **state)
{
    (void)state;
    yl_choices_clear();
    setenv("XDG_CACHE_HOME", folder, 1);
    remove(path);
    return 0;
}

static void chosen(const char *key, const char *expected)
{
    char name[YL_CHOICE_TEXT] = "";
    assert_int_equal(yl__choice_find(key, name), expected != NULL);
    if (expected) assert_string_equal(name, expected);
}

static void exported(const char *prefix, bool only_used, const char *expected)
{
    yl_text text = {0};
    assert_int_equal(yl_choices_export(prefix, only_used, &text), YL_OK);
    assert_string_equal(text.data ? text.data : "", expected);
    yl__text_free(&text);
}

static void test_find_and_set(void **state)
{
    (void)state;
    chosen("conv a", NULL);
    assert_int_equal(yl__choice_set("conv a", "gemm"), YL_OK);
    assert_int_equal(yl__choice_set("conv b", "direct"), YL_OK);
    assert_int_equal(yl__choice_set("conv a", "winograd"), YL_OK);
    chosen("conv a", "winograd");
    chosen("conv b", "direct");
    chosen("conv", NULL);
    exported("", false, "conv a = winograd\nconv b = direct\n");
    yl_choices_clear();
    chosen("conv a", NULL);
}

static void test_export_is_sorted_and_of_a_prefix(void **state)
{
    (void)state;
    assert_int_equal(yl_choices_import("z 1 = x\na 2 = y\na 1 = w\n", true), YL_OK);
    exported("", false, "a 1 = w\na 2 = y\nz 1 = x\n");
    exported("a ", false, "a 1 = w\na 2 = y\n");
    exported("b", false, "");
}

/* A cache's lines yield to what stands, a checkpoint's replace it. */
static void test_whose_line_stands(void **state)
{
    (void)state;
    assert_int_equal(yl__choice_set("k", "measured"), YL_OK);
    assert_int_equal(yl_choices_import("k = cached\nnew = cached\n", false), YL_OK);
    chosen("k", "measured");
    chosen("new", "cached");
    assert_int_equal(yl_choices_import("k = checkpoint\n", true), YL_OK);
    chosen("k", "checkpoint");
}

/* A checkpoint records what this process asked for or was given, not all that the cache file knows. */
static void test_only_what_was_used(void **state)
{
    (void)state;
    assert_int_equal(yl_choices_import("asked = a\nunasked = b\n", false), YL_OK);
    assert_int_equal(yl_choices_import("given = c\n", true), YL_OK);
    exported("", true, "given = c\n");
    chosen("asked", "a");
    exported("", true, "asked = a\ngiven = c\n");
    exported("", false, "asked = a\ngiven = c\nunasked = b\n");
}

static void test_damaged_lines(void **state)
{
    (void)state;
    char text[1024], key[YL_CHOICE_KEY + 1];
    memset(key, 'k', YL_CHOICE_KEY);
    key[YL_CHOICE_KEY] = '\0';
    snprintf(text, sizeof text,
             "no equals\n = nothing\nempty = \n%s = long key\nlong = 0123456789abcdef0123456789abcdef\n\n\ngood = "
             "yes\ncut = ne",
             key);
    assert_int_equal(yl_choices_import(text, true), YL_OK);
    exported("", false, "cut = ne\ngood = yes\n");
}

static void test_the_file(void **state)
{
    (void)state;
    char *text;
    int64_t size;
    assert_true(yl__choices_lock("test"));
    assert_int_equal(yl__choice_set("conv 1", "gemm"), YL_OK);
    assert_int_equal(yl__choice_set("other 1", "x"), YL_OK);
    yl__choices_unlock("test", "conv", true);
    assert_int_equal(yl__file_read(path, &text, &size), YL_OK);
    assert_string_equal(text, "yolua choices 5\nconv 1 = gemm\n");
    yl__free(text);
    yl_choices_clear();
    assert_true(yl__choices_lock("test"));
    chosen("conv 1", "gemm");
    yl__choices_unlock("test", "conv", false);
    assert_int_equal(yl__file_write(path, "yolua choices 1\nconv 1 = direct\n", 31), YL_OK); /* of another version */
    yl_choices_clear();
    assert_true(yl__choices_lock("test"));
    chosen("conv 1", NULL);
    yl__choices_unlock("test", "conv", false);
}

/* While one process holds the lock another waits, and then sees what the first has written. */
static void test_two_processes(void **state)
{
    (void)state;
    int ready[2], status;
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_true(yl__choices_lock("test"));
    pid_t child = fork();
    if (child == 0) {
        close(ready[0]);
        yl__choices_unlock("other", "", false); /* the child's own copy of the descriptor */
        if (write(ready[1], "r", 1) != 1 || !yl__choices_lock("test")) _exit(2);
        char name[YL_CHOICE_TEXT];
        _exit(yl__choice_find("conv 2", name) && strcmp(name, "late") == 0 ? 0 : 1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    usleep(20000); /* a child that did not wait would look now */
    assert_int_equal(yl__choice_set("conv 2", "late"), YL_OK);
    yl__choices_unlock("test", "conv", true);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(ready[0]), close(ready[1]);
}

static void test_without_a_folder(void **state)
{
    (void)state;
    char file[4200];
    snprintf(file, sizeof file, "%s/file", folder);
    assert_int_equal(yl__file_write(file, "", 0), YL_OK);
    setenv("XDG_CACHE_HOME", file, 1);
    assert_false(yl__choices_lock("test"));
    assert_false(yl__choices_lock("test")); /* no lock was left behind */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_find_and_set, empty),
        cmocka_unit_test_setup(test_export_is_sorted_and_of_a_prefix, empty),
        cmocka_unit_test_setup(test_whose_line_stands, empty),
        cmocka_unit_test_setup(test_only_what_was_used, empty),
        cmocka_unit_test_setup(test_damaged_lines, empty),
        cmocka_unit_test_setup(test_the_file, empty),
        cmocka_unit_test_setup(test_two_processes, empty),
        cmocka_unit_test_setup(test_without_a_folder, empty),
    };
    return cmocka_run_group_tests_name("backend/choices", tests, setup, teardown);
}
