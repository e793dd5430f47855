/* Files that are replaced together: all of them, or none, whatever was there before. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file_group.h"
#include "core/memory.h"

static char top[] = "core-file-group-XXXXXX";

static const char *in(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static void empty(void)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s/*", top);
    assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(top) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    empty();
    return rmdir(top);
}

static void write_text(const char *name, const char *text, yl_status expected)
{
    assert_int_equal(yl__file_write(in(name), text, (int64_t)strlen(text)), expected);
}

static void holds(const char *name, const char *want)
{
    char *data;
    int64_t size;
    if (!want) {
        assert_int_not_equal(access(in(name), F_OK), 0);
        return;
    }
    assert_int_equal(yl__file_read(in(name), &data, &size), YL_OK);
    assert_string_equal(data, want);
    yl__free(data);
}

/* Nothing but so many files. */
static void left(int count)
{
    DIR *folder = opendir(top);
    assert_non_null(folder);
    for (const struct dirent *e; (e = readdir(folder));) count -= e->d_name[0] != '.';
    closedir(folder);
    assert_int_equal(count, 0);
}

static void test_together(void **state)
{
    (void)state;
    empty();
    write_text("a", "old a", YL_OK);
    int64_t group = yl__file_group_begin();
    write_text("a", "new a", YL_OK);
    write_text("b", "new b", YL_OK);
    write_text("b", "newer b", YL_OK); /* again: the last text counts */
    holds("a", "old a");
    holds("b", NULL);
    assert_int_equal(yl__file_group_end(group, YL_OK), YL_OK);
    holds("a", "new a");
    holds("b", "newer b");
    left(2);
    write_text("a", "at once", YL_OK); /* the group is over */
    holds("a", "at once");
}

static void test_none(void **state)
{
    (void)state;
    empty();
    write_text("a", "old a", YL_OK);
    assert_int_equal(mkdir(in("d"), 0777), 0);
    int64_t group = yl__file_group_begin();
    write_text("a", "new a", YL_OK);
    write_text("b", "new b", YL_OK);
    write_text("d", "x", YL_IO); /* a folder */
    assert_int_equal(yl__file_group_end(group, YL_IO), YL_IO);
    holds("a", "old a");
    holds("b", NULL);
    left(2);
}

/* Two names that lead to one file: the second would take the first one's place. */
static void test_one_file(void **state)
{
    (void)state;
    empty();
    write_text("a", "old a", YL_OK);
    assert_int_equal(symlink("a", in("b")), 0);
    int64_t group = yl__file_group_begin();
    write_text("a", "new a", YL_OK);
    write_text("b", "new b", YL_IO);
    assert_non_null(strstr(yl_error(), "it leads to the same file as"));
    assert_int_equal(yl__file_group_end(group, YL_IO), YL_IO);
    holds("a", "old a");
    left(2);
}

/* What fails when files are put in their places takes back those that are there. */
static void test_late(void **state)
{
    (void)state;
    empty();
    write_text("a", "old a", YL_OK);
    int64_t group = yl__file_group_begin();
    write_text("a", "new a", YL_OK);
    write_text("b", "new b", YL_OK);
    write_text("c", "new c", YL_OK);
    assert_int_equal(mkdir(in("c"), 0777), 0);
    assert_int_equal(mkdir(in("c/full"), 0777), 0);
    char part[64];
    snprintf(part, sizeof part, "c.%ld.part", (long)getpid());
    assert_int_equal(unlink(in(part)), 0);
    assert_int_equal(yl__file_group_end(group, YL_OK), YL_IO);
    assert_non_null(strstr(yl_error(), in("c")));
    holds("a", "old a");
    holds("b", NULL);
    left(2);
    assert_int_equal(rmdir(in("c/full")), 0);
    assert_int_equal(rmdir(in("c")), 0);
}

/* A folder that came to stand in a file's place meanwhile stays there. */
static void test_folder(void **state)
{
    (void)state;
    empty();
    int64_t group = yl__file_group_begin();
    write_text("a", "new a", YL_OK);
    write_text("d", "x", YL_OK);
    assert_int_equal(mkdir(in("d"), 0777), 0);
    assert_int_equal(yl__file_group_end(group, YL_OK), YL_IO);
    assert_non_null(strstr(yl_error(), "it is a directory"));
    holds("a", NULL);
    assert_int_equal(rmdir(in("d")), 0);
    left(0);
}

static void test_nested(void **state)
{
    (void)state;
    empty();
    int64_t outer = yl__file_group_begin();
    write_text("a", "a", YL_OK);
    int64_t inner = yl__file_group_begin();
    write_text("b", "b", YL_OK);
    assert_int_equal(yl__file_group_end(inner, YL_INVALID), YL_INVALID); /* its files alone go */
    inner = yl__file_group_begin();
    write_text("c", "c", YL_OK);
    assert_int_equal(yl__file_group_end(inner, YL_OK), YL_OK);
    holds("c", NULL); /* it waits for the outer one */
    assert_int_equal(yl__file_group_end(outer, YL_OK), YL_OK);
    holds("a", "a");
    holds("b", NULL);
    holds("c", "c");
    left(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together), cmocka_unit_test(test_none),   cmocka_unit_test(test_one_file),
        cmocka_unit_test(test_late),     cmocka_unit_test(test_folder), cmocka_unit_test(test_nested),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
