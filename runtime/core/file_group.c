/* Files that are replaced together. */
#define _GNU_SOURCE
#include "core/file_group.h"
#include "core/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum place {
    WAITS,
    NEW,
    EXCHANGED,
    REPLACED
} place; /* where its file is; EXCHANGED: the old one has the temporary name */

typedef struct waiting {
    char *path, *target, *temporary;
    place place;
} waiting;

static _Thread_local struct {
    waiting *at;
    int64_t count, capacity;
    int depth;
} group;

void yl__sync_folder(const char *path)
{
    char *copy;
    if (yl__strdup(path, &copy)) return;
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    yl__free(copy);
}

int64_t yl__file_group_begin(void)
{
    group.depth++;
    return group.count;
}

bool yl__file_group_open(void)
{
    return group.depth > 0;
}

static void free_names(waiting *w)
{
    yl__free(w->path), yl__free(w->target), yl__free(w->temporary);
}

yl_status yl__file_group_add(yl_file_writer *writer)
{
    int64_t at = 0; /* a file that is written again takes its own place: it has the same temporary name */
    while (at < group.count && strcmp(group.at[at].target, writer->target) != 0) at++;
    if (at < group.count && strcmp(group.at[at].path, writer->path) != 0)
        return yl__fail(YL_IO, "cannot write %s: it leads to the same file as %s", writer->path, group.at[at].path);
    YL_TRY(yl__reserve(group.count + 1, &group.capacity, sizeof *group.at, &group.at));
    if (at < group.count)
        free_names(&group.at[at]);
    else
        group.count++;
    group.at[at] = (waiting){writer->path, writer->target, writer->temporary, WAITS};
    writer->path = writer->target = writer->temporary = NULL;
    return YL_OK;
}

static bool exchange(const waiting *w)
{
    return renameat2(AT_FDCWD, w->temporary, AT_FDCWD, w->target, RENAME_EXCHANGE) == 0;
}

static yl_status put(waiting *w)
{
    struct stat st;
    bool taken = stat(w->target, &st) == 0;
    if (taken && S_ISDIR(st.st_mode)) /* an exchange would move it */
        return yl__fail(YL_IO, "cannot write %s: it is a directory, a file was expected", w->path);
    if (taken && exchange(w)) {
        w->place = EXCHANGED;
        return YL_OK;
    }
    bool cannot_exchange = !taken || errno == EINVAL || errno == ENOSYS; /* some file systems cannot */
    if (!cannot_exchange || rename(w->temporary, w->target))
        return yl__fail(YL_IO, "cannot write %s: %s", w->path, strerror(errno));
    w->place = taken ? REPLACED : NEW;
    return YL_OK;
}

/* Back to what was there before, as far as the file system can. */
static void take_back(waiting *w)
{
    if (w->place == NEW) unlink(w->target);
    if (w->place == EXCHANGED && exchange(w)) w->place = WAITS;
}

static yl_status put_all(void)
{
    for (int64_t i = 0; i < group.count; i++) {
        yl_status status = put(&group.at[i]);
        if (status == YL_OK) continue;
        while (i-- > 0) take_back(&group.at[i]);
        return status;
    }
    for (int64_t i = 0; i < group.count; i++) yl__sync_folder(group.at[i].target);
    return YL_OK;
}

/* The last files, of which those that have a temporary name lose it. */
static void drop(int64_t from)
{
    while (group.count > from) {
        waiting *w = &group.at[--group.count];
        if (w->place == WAITS || w->place == EXCHANGED) unlink(w->temporary);
        free_names(w);
    }
    if (group.count > 0) return;
    yl__free(group.at);
    group.at = NULL;
    group.capacity = 0;
}

yl_status yl__file_group_end(int64_t first, yl_status status)
{
    group.depth--;
    if (status == YL_OK && group.depth > 0) return YL_OK;
    if (status == YL_OK) status = put_all();
    drop(first);
    return status;
}
