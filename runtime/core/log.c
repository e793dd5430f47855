/* Warnings go to one hook, and to the log of what is running. */
#define _GNU_SOURCE
#include "core/log.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/sentence.h"
#include "core/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static yl_warn_hook the_hook;
static void *the_user;
static char *the_file;

void yl_set_warn_hook(yl_warn_hook hook, void *user)
{
    the_hook = hook;
    the_user = user;
}

yl_status yl__warn_file(const char *path)
{
    char *copy = NULL;
    if (path) YL_TRY(yl__sandbox_writes(path));
    if (path) YL_TRY(yl__strdup(path, &copy));
    yl__free(the_file);
    the_file = copy;
    return YL_OK;
}

const char *yl__warn_file_now(void)
{
    return the_file;
}

/* A log that cannot be written is no reason to stop: the warning was given. */
static void keep(const char *sentence)
{
    char line[1100];
    int descriptor = open(the_file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (descriptor < 0) return;
    int n = snprintf(line, sizeof line, "warning: %s\n", sentence);
    (void)yl__write_all(descriptor, the_file, line, n);
    close(descriptor);
}

void yl__warn(const char *format, ...)
{
    if (!the_hook && !the_file) return;
    char sentence[1024];
    va_list args;
    va_start(args, format);
    yl__sentence(sentence, sizeof sentence, format, args);
    va_end(args);
    if (the_hook) the_hook(the_user, sentence);
    if (the_file && !yl__file_writes_held()) keep(sentence);
}
