/* Whole files in, whole files out. */
#define _GNU_SOURCE
#include "core/file.h"
#include "core/file_group.h"
#include "core/memory.h"
#include "core/sandbox.h"
#include "core/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What has no size and gives more than this is taken for a device without an end. */
static const int64_t ENDLESS = (int64_t)1 << 28;

static yl_status refuse(const char *doing, const char *path)
{
    return yl__fail(YL_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

static yl_status read_descriptor(int fd, const char *path, char **data, int64_t *size)
{
    struct stat st;
    if (fstat(fd, &st)) return refuse("read", path);
    if (S_ISDIR(st.st_mode)) return yl__fail(YL_IO, "cannot read %s: it is a directory, a file was expected", path);
    int64_t capacity = 0, length = 0;
    char *bytes = NULL;
    for (;;) { /* pipes and /proc files have no size: read until the end, should it come */
        if (length > st.st_size && length > ENDLESS) {
            yl__free(bytes);
            return yl__fail(YL_IO, "cannot read %s: it has more than %lld bytes", path, (long long)length);
        }
        yl_status status =
            yl__reserve(length + (st.st_size > length ? st.st_size - length : 4096) + 1, &capacity, 1, &bytes);
        ssize_t got = status ? -1 : read(fd, bytes + length, (size_t)(capacity - length - 1));
        if (got < 0 && !status && errno == EINTR) continue;
        if (got < 0) {
            if (!status) status = refuse("read", path);
            yl__free(bytes);
            return status;
        }
        if (got == 0) break;
        length += got;
    }
    bytes[length] = '\0';
    *data = bytes;
    *size = length;
    return YL_OK;
}

yl_status yl__file_read(const char *path, char **data, int64_t *size)
{
    YL_TRY(yl__sandbox_reads(path));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return refuse("open", path);
    yl_status status = read_descriptor(fd, path, data, size);
    close(fd);
    return status;
}

static yl_status find_target(const char *path, char **out);

/* The same of a name at which no file is: where it is a link, what that names, which the sandbox has to allow too. */
static yl_status follow(const char *path, char **out)
{
    char link[PATH_MAX], *next;
    ssize_t length = readlink(path, link, sizeof link - 1);
    if (length < 0) return yl__strdup(path, out);
    link[length] = '\0';
    const char *slash = strrchr(path, '/');
    size_t folder = link[0] != '/' && slash ? (size_t)(slash - path) + 1 : 0;
    YL_TRY(yl__alloc((int64_t)folder + length + 1, 1, &next));
    memcpy(next, path, folder);
    memcpy(next + folder, link, (size_t)length + 1);
    yl_status status = yl__sandbox_writes(next);
    if (status == YL_OK) status = find_target(next, out);
    yl__free(next);
    return status;
}

/* The file that a link leads to, there or not, so that the link stays; a name that is not taken stands for itself. */
static yl_status find_target(const char *path, char **out)
{
    char *real = realpath(path, NULL);
    if (!real && (errno == ENOMEM || errno == ELOOP)) return refuse("write", path); /* the link must not be replaced */
    if (!real) return follow(path, out);
    yl_status status = yl__strdup(real, out);
    free(real);
    return status;
}

/* Opens the temporary file, or what is no file (a device, a pipe), which cannot be replaced and is written in place. */
static yl_status open_to_write(yl_file_writer *writer)
{
    struct stat st;
    bool taken = stat(writer->target, &st) == 0;
    if (taken && S_ISDIR(st.st_mode))
        return yl__fail(YL_IO, "cannot write %s: it is a directory, a file was expected", writer->path);
    writer->in_place = taken && !S_ISREG(st.st_mode);
    if (writer->in_place) {
        writer->descriptor = open(writer->target, O_WRONLY | O_CLOEXEC);
    } else {
        size_t length = strlen(writer->target) + 32;
        YL_TRY(yl__alloc((int64_t)length, 1, &writer->temporary));
        snprintf(writer->temporary, length, "%s.%ld.part", writer->target, (long)getpid());
        writer->descriptor = open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    }
    return writer->descriptor < 0 ? refuse("write", writer->path) : YL_OK;
}

static bool writes_held;

void yl__file_hold_writes(void)
{
    writes_held = true;
}

bool yl__file_writes_held(void)
{
    return writes_held;
}

yl_status yl__file_begin(const char *path, yl_file_writer *writer)
{
    *writer = (yl_file_writer){.descriptor = -1};
    YL_TRY(yl__sandbox_writes(path));
    yl_status status = yl__strdup(path, &writer->path);
    if (status == YL_OK) status = find_target(writes_held ? "/dev/null" : path, &writer->target);
    if (status == YL_OK) status = open_to_write(writer);
    if (status != YL_OK) yl__file_discard(writer);
    return status;
}

yl_status yl__write_all(int descriptor, const char *path, const void *data, int64_t size)
{
    const char *p = data;
    while (size > 0) {
        ssize_t put = write(descriptor, p, (size_t)size);
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return refuse("write", path);
        p += put;
        size -= put;
    }
    return YL_OK;
}

yl_status yl__sync(int descriptor, const char *path)
{
    int bad;
    do bad = fsync(descriptor);
    while (bad && errno == EINTR);
    return bad && errno != EINVAL && errno != EROFS ? refuse("write", path) : YL_OK;
}

yl_status yl__file_put(yl_file_writer *writer, const void *data, int64_t size)
{
    return yl__write_all(writer->descriptor, writer->path, data, size);
}

yl_status yl__file_commit(yl_file_writer *writer)
{
    yl_status status = yl__sync(writer->descriptor, writer->path);
    if (close(writer->descriptor) && !status) status = refuse("write", writer->path);
    writer->descriptor = -1;
    if (!status && !writer->in_place && yl__file_group_open()) {
        status = yl__file_group_add(writer);
        yl__file_discard(writer);
        return status;
    }
    if (!status && !writer->in_place && rename(writer->temporary, writer->target))
        status = refuse("write", writer->path);
    if (!status && !writer->in_place) {
        yl__sync_folder(writer->target);
        writer->temporary[0] = '\0'; /* renamed: nothing to remove */
    }
    yl__file_discard(writer);
    return status;
}

void yl__file_discard(yl_file_writer *writer)
{
    if (writer->descriptor >= 0) close(writer->descriptor);
    if (writer->temporary && writer->temporary[0]) unlink(writer->temporary);
    yl__free(writer->temporary);
    yl__free(writer->target);
    yl__free(writer->path);
    *writer = (yl_file_writer){.descriptor = -1};
}

yl_status yl__file_ending(const char *path, const char *ending, const char *holds)
{
    size_t length = strlen(path), n = strlen(ending);
    if (length > n && yl__same_word(path + length - n, ending)) return YL_OK;
    return yl__fail(YL_INVALID, "%s: expected a name that ends in %s for %s", path, ending, holds);
}

yl_status yl__file_write(const char *path, const void *data, int64_t size)
{
    yl_file_writer writer;
    YL_TRY(yl__file_begin(path, &writer));
    yl_status status = yl__file_put(&writer, data, size);
    if (status == YL_OK) return yl__file_commit(&writer);
    yl__file_discard(&writer);
    return status;
}
