/* Processes of this program: started with their words, their output kept, their end known; asked to stop by hand, and by the end of the
 * one that started them. The test is the program that it starts. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/file.h"
#include "core/memory.h"
#include "core/process.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char output[] = "yolua-process-XXXXXX";

static int await(int64_t id)
{
    for (int i = 0; i < 1000; i++) {
        bool ended;
        int status;
        assert_int_equal(yl__process_ended(id, &ended, &status), YL_OK);
        if (ended) return status;
        yl__process_rest(0.02);
    }
    fail_msg("the process did not end");
    return 0;
}

static bool has_printed(const char *text)
{
    char *bytes;
    int64_t size;
    assert_int_equal(yl__file_read(output, &bytes, &size), YL_OK);
    bool found = strstr(bytes, text) != NULL;
    yl__free(bytes);
    return found;
}

static void await_text(const char *text)
{
    for (int i = 0; i < 1000 && !has_printed(text); i++) yl__process_rest(0.02);
    assert_true(has_printed(text));
}

static int64_t start(const char *first, const char *second)
{
    const char *const words[] = {"test", first, second, NULL};
    int64_t id;
    assert_int_equal(yl__process_start(words, output, &id), YL_OK);
    return id;
}

static void test_words_and_status(void **state)
{
    (void)state;
    assert_int_equal(await(start("say", "two words")), 7);
    assert_true(has_printed("<two words>"));
    assert_true(has_printed("<on standard error>"));
    bool ended;
    int status;
    assert_int_equal(yl__process_ended(1, &ended, &status), YL_IO);
}

static void test_interrupt(void **state)
{
    (void)state;
    int64_t id = start("wait", "here");
    await_text("<waits here>");
    yl__process_interrupt(id);
    assert_int_equal(await(id), -SIGINT);
}

/* The middle process starts another one and is killed. */
static void test_end_of_the_parent(void **state)
{
    (void)state;
    int64_t id = start("start", "below");
    await_text("<waits below>");
    assert_false(has_printed("<below was interrupted>"));
    kill((pid_t)id, SIGKILL);
    assert_int_equal(await(id), -SIGKILL);
    await_text("<below was interrupted>");
}

static void test_no_output(void **state)
{
    (void)state;
    const char *const words[] = {"test", "say", "x", NULL};
    int64_t id;
    assert_int_equal(yl__process_start(words, "/nowhere/at/all", &id), YL_IO);
    assert_non_null(strstr(yl_error(), "/nowhere/at/all"));
}

static const char *name; /* of the process that waits */

static void on_interrupt(int number)
{
    printf("<%s was interrupted>\n", name);
    fflush(stdout);
    signal(number, SIG_DFL);
    raise(number);
}

/* What the started processes do. */
static int work(const char *what, const char *word)
{
    if (strcmp(what, "say") == 0) {
        printf("<%s>\n", word);
        fflush(stdout);
        fprintf(stderr, "<on standard error>\n");
        return 7;
    }
    if (strcmp(what, "start") == 0) {
        const char *const words[] = {"test", "wait", word, NULL};
        int64_t id;
        char path[64];
        ssize_t length = readlink("/proc/self/fd/1", path, sizeof path - 1);
        path[length > 0 ? length : 0] = '\0';
        if (yl__process_start(words, path, &id)) return 1;
    } else {
        name = word;
        signal(SIGINT, on_interrupt);
        yl__process_follow();
        printf("<waits %s>\n", word);
        fflush(stdout);
    }
    for (int i = 0; i < 60; i++) sleep(1);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc == 3) return work(argv[1], argv[2]);
    close(mkstemp(output));
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words_and_status), cmocka_unit_test(test_interrupt),
                                       cmocka_unit_test(test_end_of_the_parent), cmocka_unit_test(test_no_output)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(output);
    return failed;
}
