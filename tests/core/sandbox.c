/* What the sandbox lets through: by its own check, and by the kernel's where no check is asked. Each test has a process of its own. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/folder.h"
#include "core/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NO_LANDLOCK = 77, BYTES = 1 << 28 };

static char top[] = "yolua-sandbox-XXXXXX";

static int make(void **state)
{
    (void)state;
    if (!mkdtemp(top) || chdir(top)) return -1;
    bool fine = mkdir("data", 0777) == 0 && mkdir("run", 0777) == 0 && mkdir("run2", 0777) == 0;
    fine = fine && yl__file_write("secret", "s", 1) == YL_OK && yl__file_write("data/plain", "p", 1) == YL_OK;
    fine = fine && symlink("../made", "run/astray") == 0;
    return fine && symlink("../secret", "data/link") == 0 ? 0 : -1;
}

static int clear(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", top);
    return chdir("..") || system(command);
}

/* The exit status of `body` in a sandbox with data and run. */
static int inside(int (*body)(void))
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        bool kernel, fine = yl__sandbox_allow("data", false) == YL_OK && yl__sandbox_allow("run", true) == YL_OK &&
                            yl__sandbox_allow("not there", true) == YL_OK && yl__sandbox_enter(BYTES, &kernel) == YL_OK;
        _exit(fine ? body() : 99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool reads(const char *path)
{
    return yl__sandbox_reads(path) == YL_OK;
}

static bool writes(const char *path)
{
    return yl__sandbox_writes(path) == YL_OK;
}

/* 0, or the number of the line that does not hold. */
static int body_of_checks(void)
{
    bool made;
    if (!yl__sandboxed()) return 1;
    if (!reads("data/plain") || !reads("data") || !reads("run") || !reads("data/none")) return 2;
    if (reads("secret") || reads("data/link") || reads("data/../secret") || reads(".") || reads("/") || reads("run2"))
        return 3;
    if (!writes("run/new") || !writes("run/a/b/c") || !writes("run")) return 4;
    if (writes("data/new") || writes("new") || writes("run2/new") || writes("run/../new") || writes("run/x/../../new"))
        return 5;
    if (writes("") || reads("") || writes("/new") || writes("../new")) return 6;
    if (yl__file_write("secret", "x", 1) == YL_OK || yl__folder_new("other", &made) == YL_OK) return 7;
    if (yl__file_append("secret", "x", 1) == YL_OK) return 8;
    if (yl__file_write("run/new", "x", 1) != YL_OK || yl__folder_make("run/a/b") != YL_OK) return 9;
    if (yl__sandbox_starts("a test") == YL_OK || yl__sandbox_allow("secret", true) == YL_OK) return 10;
    return 0;
}

static void test_checks(void **state)
{
    (void)state;
    assert_int_equal(inside(body_of_checks), 0);
}

static bool opens(const char *path, int flags)
{
    int fd = open(path, flags, 0666);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

/* A link within the run's folder does not lead a file out of it, whether there is one or not. */
static int body_of_links(void)
{
    if (yl__file_write("run/astray", "x", 1) == YL_OK) return 1;
    if (!strstr(yl_error(), "sandbox: run/../made may not be written")) return 2;
    return yl__file_write("run/own", "x", 1) == YL_OK ? 0 : 3;
}

static void test_links(void **state)
{
    (void)state;
    assert_int_equal(inside(body_of_links), 0);
    assert_int_equal(access("made", F_OK), -1);
}

/* What no check of ours sees. */
static int body_of_kernel(void)
{
    if (opens("secret", O_RDONLY)) return NO_LANDLOCK;
    if (errno != EACCES || opens("data/link", O_RDONLY) || opens(".", O_RDONLY | O_DIRECTORY)) return 1;
    if (!opens("data/plain", O_RDONLY) || opens("data/plain", O_WRONLY) || opens("data/new", O_WRONLY | O_CREAT))
        return 2;
    if (!opens("run/kernel", O_WRONLY | O_CREAT | O_TRUNC) || rename("run/kernel", "run/other") || unlink("run/other"))
        return 3;
    if (mkdir("run/folder", 0777) || rmdir("run/folder") || !mkdir("folder", 0777) || !unlink("secret")) return 4;
    if (!symlink("../secret", "run/link") || !mkfifo("run/fifo", 0666)) return 5;
    execl("/bin/true", "true", (char *)NULL);
    return errno == EACCES ? 0 : 6;
}

static void test_kernel(void **state)
{
    (void)state;
    int status = inside(body_of_kernel);
    if (status == NO_LANDLOCK) {
        puts("this kernel has no Landlock: its part is not tested");
        skip();
    }
    assert_int_equal(status, 0);
}

static int body_of_memory(void)
{
    void *much = malloc((size_t)BYTES * 2), *little = malloc(1 << 20);
    bool fine = !much && little;
    free(much);
    free(little);
    return fine ? 0 : 1;
}

static void test_memory(void **state)
{
    (void)state;
    if (getenv("YOLUA_SANITIZED")) skip();
    assert_int_equal(inside(body_of_memory), 0);
}

/* Without a sandbox all is allowed. */
static void test_open(void **state)
{
    (void)state;
    assert_false(yl__sandboxed());
    assert_true(reads("/") && writes("/anywhere/at/all") && yl__sandbox_starts("a test") == YL_OK);
}

int main(void)
{
    const char *sanitizers = getenv("YOLUA_SANITIZED");
    if (sanitizers && strstr(sanitizers, "thread")) {
        puts("SKIP: ThreadSanitizer runs a thread of its own, and a sandbox is for a process with one");
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_open), cmocka_unit_test(test_checks),
                                       cmocka_unit_test(test_links), cmocka_unit_test(test_kernel),
                                       cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, make, clear);
}
