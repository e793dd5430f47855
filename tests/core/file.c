/* Files are replaced as a whole or not at all; folders, lists and appended lines; what each refusal says. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
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

static char top[] = "core-file-XXXXXX";

static const char *in(const char *name)
{
    static char paths[4][128];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", top, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(top) == NULL;
}

static int teardown(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", top);
    return system(command);
}

static void holds(const char *path, const char *want, int64_t length)
{
    char *data;
    int64_t size;
    assert_int_equal(yl__file_read(path, &data, &size), YL_OK);
    assert_int_equal(size, length);
    assert_memory_equal(data, want, (size_t)length);
    assert_int_equal(data[size], 0);
    yl__free(data);
}

static void refused(yl_status status, const char *word, const char *reason)
{
    assert_int_equal(status, YL_IO);
    if (!strstr(yl_error(), word) || !strstr(yl_error(), reason))
        fail_msg("'%s' lacks '%s' or '%s'", yl_error(), word, reason);
}

static int64_t files_here(void)
{
    char **names;
    int64_t count;
    assert_int_equal(yl__folder_list(top, &names, &count), YL_OK);
    yl__folder_list_free(names, count);
    return count;
}

static void there_and_back(void **state)
{
    (void)state;
    static const char bytes[] = "one\0two\n";
    assert_int_equal(yl__file_write(in("a"), bytes, sizeof bytes), YL_OK);
    holds(in("a"), bytes, sizeof bytes);
    assert_int_equal(yl__file_write(in("a"), "", 0), YL_OK);
    holds(in("a"), "", 0);
}

static void old_or_new(void **state)
{
    (void)state;
    yl_file_writer writer;
    assert_int_equal(yl__file_write(in("b"), "old", 3), YL_OK);
    int64_t files = files_here();
    assert_int_equal(yl__file_begin(in("b"), &writer), YL_OK);
    assert_int_equal(yl__file_put(&writer, "ne", 2), YL_OK);
    holds(in("b"), "old", 3); /* until the commit */
    yl__file_discard(&writer);
    holds(in("b"), "old", 3);
    assert_int_equal(files_here(), files);
    assert_int_equal(yl__file_begin(in("b"), &writer), YL_OK);
    assert_int_equal(yl__file_put(&writer, "ne", 2), YL_OK);
    assert_int_equal(yl__file_put(&writer, "w", 1), YL_OK);
    assert_int_equal(yl__file_commit(&writer), YL_OK);
    holds(in("b"), "new", 3);
    assert_int_equal(files_here(), files);
}

static void file_refusals(void **state)
{
    (void)state;
    char *data;
    int64_t size;
    refused(yl__file_read(in("absent"), &data, &size), "absent", "No such file");
    refused(yl__file_read(top, &data, &size), top, "directory");
    refused(yl__file_read("/dev/zero", &data, &size), "/dev/zero", "it has more than");
    refused(yl__file_write(in("absent/x"), "x", 1), "absent/x", "No such file");
    assert_int_equal(mkdir(in("folder"), 0777), 0);
    int64_t files = files_here();
    refused(yl__file_write(in("folder"), "x", 1), "folder", "directory");
    assert_int_equal(files_here(), files); /* no temporary file stays */
    refused(yl__file_write("/dev/full/x", "x", 1), "/dev/full/x", "Not a directory");
}

/* A device is written to and stays what it is; so does a link, whose file is replaced. */
static void devices_and_links(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(mkfifo(in("fifo"), 0666), 0);
    int reader = open(in("fifo"), O_RDONLY | O_NONBLOCK);
    assert_int_equal(yl__file_write(in("fifo"), "new", 3), YL_OK);
    char got[4] = "";
    assert_int_equal(read(reader, got, 3), 3);
    assert_string_equal(got, "new");
    close(reader);
    assert_int_equal(stat(in("fifo"), &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(yl__file_write("/dev/null", "x", 1), YL_OK);
    assert_int_equal(yl__path_kind("/dev/null"), YL_PATH_OTHER);
    refused(yl__file_write("/dev/full", "x", 1), "/dev/full", "No space left");
    assert_int_equal(yl__path_kind("/dev/full"), YL_PATH_OTHER);
    assert_int_equal(yl__file_write(in("real"), "old", 3), YL_OK);
    assert_int_equal(symlink("real", in("link")), 0);
    assert_int_equal(yl__file_write(in("link"), "new", 3), YL_OK);
    assert_int_equal(lstat(in("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    holds(in("real"), "new", 3);
    assert_int_equal(symlink("nowhere", in("dangling")),
                     0); /* the same of a file that is not there yet, behind two links */
    assert_int_equal(symlink("dangling", in("second")), 0);
    assert_int_equal(yl__file_write(in("second"), "new", 3), YL_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(lstat(in(i ? "second" : "dangling"), &st), 0);
        assert_true(S_ISLNK(st.st_mode));
    }
    holds(in("nowhere"), "new", 3);
    char absolute[4200], *here = realpath(top, NULL);
    snprintf(absolute, sizeof absolute, "%s/far", here);
    free(here);
    assert_int_equal(symlink(absolute, in("whole")), 0);
    assert_int_equal(yl__file_write(in("whole"), "new", 3), YL_OK);
    holds(in("far"), "new", 3);
    assert_int_equal(symlink("gone/file", in("astray")), 0);
    refused(yl__file_write(in("astray"), "new", 3), "astray", "No such file");
    assert_int_equal(symlink("circle", in("circle")), 0);
    refused(yl__file_write(in("circle"), "new", 3), "circle", "symbolic links");
    assert_int_equal(lstat(in("circle"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

/* Whatever allocation fails, the old file stays and no other is left behind. */
static void out_of_memory(void **state)
{
    (void)state;
    assert_int_equal(yl__file_write(in("c"), "old", 3), YL_OK);
    int64_t files = files_here();
    yl_status status = YL_MEMORY;
    for (int n = 1; n < 4; n++) {
        yl__alloc_fail_at(n);
        status = yl__file_write(in("c"), "new", 3);
        assert_int_equal(status, YL_MEMORY);
        yl__alloc_fail_at(0);
        holds(in("c"), "old", 3);
        assert_int_equal(files_here(), files);
    }
    char *data;
    int64_t size;
    yl__alloc_fail_at(1);
    assert_int_equal(yl__file_read(in("c"), &data, &size), YL_MEMORY);
    yl__alloc_fail_at(0);
}

static void appends(void **state)
{
    (void)state;
    assert_int_equal(yl__file_append(in("log"), "one\n", 4), YL_OK);
    assert_int_equal(yl__file_append(in("log"), "two\n", 4), YL_OK);
    holds(in("log"), "one\ntwo\n", 8);
    refused(yl__file_append(in("absent/log"), "x", 1), "absent/log", "No such file");
    refused(yl__file_append("/dev/full", "x", 1), "/dev/full", "No space left");
}

static void folders(void **state)
{
    (void)state;
    bool made;
    char **names;
    int64_t count;
    assert_int_equal(yl__folder_make(in("d/e/f")), YL_OK);
    assert_int_equal(yl__folder_make(in("d/e/f/")), YL_OK);
    assert_int_equal(yl__path_kind(in("d/e/f")), YL_PATH_FOLDER);
    assert_int_equal(yl__folder_new(in("d/new"), &made), YL_OK);
    assert_true(made);
    assert_int_equal(yl__folder_new(in("d/new"), &made), YL_OK);
    assert_false(made);
    assert_int_equal(yl__file_write(in("d/file"), "x", 1), YL_OK);
    assert_int_equal(yl__file_write(in("d/B"), "x", 1), YL_OK);
    assert_int_equal(yl__folder_list(in("d"), &names, &count), YL_OK);
    const char *want[] = {"B", "e", "file", "new"};
    assert_int_equal(count, 4);
    for (int i = 0; i < 4; i++) assert_string_equal(names[i], want[i]);
    yl__folder_list_free(names, count);
    assert_int_equal(yl__path_kind(in("d/file")), YL_PATH_FILE);
    assert_int_equal(yl__path_kind(in("d/none")), YL_PATH_NONE);
    assert_int_equal(yl__path_kind("/dev/null"), YL_PATH_OTHER);
    refused(yl__folder_make(in("d/file")), "d/file", "file of that name");
    refused(yl__folder_make(in("d/file/x")), "d/file", "");
    refused(yl__folder_list(in("d/none"), &names, &count), "d/none", "No such file");
}

/* A limit on the size of files stands for a disk that fills up halfway. */
static void full_disk(void **state)
{
    (void)state;
    char bytes[4000], **names;
    int64_t count, before;
    memset(bytes, 'z', sizeof bytes);
    assert_int_equal(yl__file_write(in("old"), "old", 3), YL_OK);
    assert_int_equal(yl__folder_list(top, &names, &before), YL_OK);
    yl__folder_list_free(names, before);
    struct rlimit usual, small;
    getrlimit(RLIMIT_FSIZE, &usual);
    small = usual;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    yl_status status = yl__file_write(in("old"), bytes, sizeof bytes);
    setrlimit(RLIMIT_FSIZE, &usual);
    refused(status, "cannot write", "/old");
    holds(in("old"), "old", 3);
    assert_int_equal(yl__folder_list(top, &names, &count), YL_OK);
    assert_int_equal(count, before); /* the part that was written is gone */
    yl__folder_list_free(names, count);
}

/* What comes in pieces and has no size is put together. */
static void pipes(void **state)
{
    (void)state;
    enum { BIG = 50000 };
    int ends[2];
    char name[64], bytes[BIG];
    for (int i = 0; i < BIG; i++) bytes[i] = (char)(i * 13 + i / 256);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], bytes, BIG), BIG); /* a pipe holds 65536 bytes */
    close(ends[1]);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    holds(name, bytes, BIG);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),    cmocka_unit_test(old_or_new),    cmocka_unit_test(file_refusals),
        cmocka_unit_test(devices_and_links), cmocka_unit_test(out_of_memory), cmocka_unit_test(appends),
        cmocka_unit_test(folders),           cmocka_unit_test(full_disk),     cmocka_unit_test(pipes),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
