/* Folders and growing files: what is made, what is listed, and that a half-written line is taken back. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/memory.h"

static char root[64];
static char buffer[256];

/* A path below the test's folder; the next call overwrites it. */
static const char *at(const char *name)
{
    snprintf(buffer, sizeof buffer, "%s/%s", root, name);
    return buffer;
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "core-folder-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    const char *names[] = {"a/b/c", "a/b",  "a",     "x/y/z", "x/y",   "x",      "new",
                           "file",  "link", "b.txt", "B.txt", "a.txt", ".hidden"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) remove(at(names[i]));
    return rmdir(root);
}

static void ok(yl_status status)
{
    if (status != YL_OK) fail_msg("%s: %s", yl_status_name(status), yl_error());
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(yl__path_kind(root), YL_PATH_FOLDER);
    assert_int_equal(yl__path_kind(at("file")), YL_PATH_NONE);
    ok(yl__file_write(at("file"), "", 0));
    assert_int_equal(yl__path_kind(at("file")), YL_PATH_FILE);
    assert_int_equal(yl__path_kind("/dev/null"), YL_PATH_OTHER);
    assert_int_equal(symlink(".", at("link")), 0);
    assert_int_equal(yl__path_kind(at("link")), YL_PATH_FOLDER); /* links are followed */
    assert_true(yl__path_same(at("link"), root));
    assert_false(yl__path_same(at("file"), root));
    assert_false(yl__path_same(at("none"), at("none")));
    assert_int_equal(yl__path_kind(""), YL_PATH_NONE);
}

static void test_making(void **state)
{
    (void)state;
    ok(yl__folder_make(at("a/b/c")));
    assert_int_equal(yl__path_kind(at("a/b/c")), YL_PATH_FOLDER);
    ok(yl__folder_make(at("a/b/c"))); /* there already */
    ok(yl__folder_make(at("x//y/z//")));
    assert_int_equal(yl__path_kind(at("x/y/z")), YL_PATH_FOLDER);
    ok(yl__folder_make("/"));
    assert_int_equal(yl__folder_make(""), YL_INVALID);
}

static void test_new_folders(void **state)
{
    (void)state;
    bool made;
    ok(yl__folder_new(at("new"), &made));
    assert_true(made);
    ok(yl__folder_new(at("new"), &made));
    assert_false(made);
    ok(yl__folder_new(at("new/"), &made));
    assert_false(made);
    ok(yl__file_write(at("file"), "", 0));
    ok(yl__folder_new(at("file"), &made)); /* a file takes the name, too */
    assert_false(made);
}

static void test_refusals(void **state)
{
    (void)state;
    ok(yl__file_write(at("file"), "", 0));
    assert_int_equal(yl__folder_make(at("file")), YL_IO);
    assert_non_null(strstr(yl_error(), "a file of that name is there"));
    assert_int_equal(yl__folder_make(at("file/below")), YL_IO);
    assert_non_null(strstr(yl_error(), "cannot make the folder"));
    char longer[300] = "";
    memset(longer, 'n', sizeof longer - 1); /* no file system takes such a name */
    bool made = true;
    assert_int_equal(yl__folder_new(longer, &made), YL_IO);
    assert_false(made);
    char **names = NULL;
    int64_t count = -1;
    assert_int_equal(yl__folder_list(at("absent"), &names, &count), YL_IO);
    assert_non_null(strstr(yl_error(), "/absent: No such file"));
    assert_null(names);
}

static void test_listing(void **state)
{
    (void)state;
    const char *expected[] = {".hidden", "B.txt", "a", "a.txt", "b.txt"}; /* bytes in order, whatever the locale says */
    char **names;
    int64_t count;
    ok(yl__folder_list(root, &names, &count));
    assert_int_equal(count, 0);
    yl__folder_list_free(names, count);
    for (int i = 4; i >= 0; i--)
        if (i != 2) ok(yl__file_write(at(expected[i]), "", 0));
    ok(yl__folder_make(at("a")));
    ok(yl__folder_list(root, &names, &count));
    assert_int_equal(count, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(names[i], expected[i]);
    yl__folder_list_free(names, count);
    for (int n = 1; n <= 6; n++) { /* every allocation of a listing fails once; a sanitizer sees the leaks */
        yl__alloc_fail_at(n);
        assert_int_equal(yl__folder_list(root, &names, &count), YL_MEMORY);
    }
    yl__alloc_fail_at(0);
}

static void holds(const char *text)
{
    char *data;
    int64_t size;
    ok(yl__file_read(at("file"), &data, &size));
    assert_string_equal(data, text);
    yl__free(data);
}

static void test_appending(void **state)
{
    (void)state;
    ok(yl__file_append(at("file"), "one\n", 4));
    ok(yl__file_append(at("file"), "two\n", 4));
    ok(yl__file_append(at("file"), "", 0));
    holds("one\ntwo\n");
    assert_int_equal(yl__file_append(root, "x", 1), YL_IO);
    assert_int_equal(yl__file_append(at("absent/file"), "x", 1), YL_IO);
    ok(yl__file_append("/dev/null", "x", 1)); /* no file that could be waited for */
}

static void test_a_full_disk(void **state)
{
    (void)state;
    assert_int_equal(yl__file_append("/dev/full", "x", 1), YL_IO);
    assert_string_equal(yl_error(), "cannot write /dev/full: No space left on device");
    ok(yl__file_append(at("file"), "one\n", 4));
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 10; /* room for part of the next line */
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    yl_status status = yl__file_append(at("file"), "a longer line\n", 14);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, YL_IO);
    assert_non_null(strstr(yl_error(), "cannot write"));
    holds("one\n");
    ok(yl__file_append(at("file"), "two\n", 4));
    holds("one\ntwo\n");
}

/* A path that is not absolute is ignored, as the XDG base directories want it. */
static void test_cache_folder(void **state)
{
    (void)state;
    char path[1024];
    setenv("HOME", "/h", 1);
    setenv("XDG_CACHE_HOME", "/c", 1);
    assert_true(yl__folder_cache(path));
    assert_string_equal(path, "/c/yolua");
    setenv("XDG_CACHE_HOME", "c", 1);
    assert_true(yl__folder_cache(path));
    assert_string_equal(path, "/h/.cache/yolua");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_false(yl__folder_cache(path));
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, make_root, remove_root)
    const struct CMUnitTest tests[] = {
        T(test_kinds),   T(test_making),    T(test_new_folders), T(test_refusals),
        T(test_listing), T(test_appending), T(test_a_full_disk), cmocka_unit_test(test_cache_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
