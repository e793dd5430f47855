/* Folders, and files that grow line by line. */
#define _GNU_SOURCE
#include "core/folder.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static yl_status refuse(const char *doing, const char *path)
{
    return yl__fail(YL_IO, "cannot %s %s: %s", doing, path, strerror(errno));
}

yl_path_kind yl__path_kind(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return YL_PATH_NONE;
    if (S_ISDIR(st.st_mode)) return YL_PATH_FOLDER;
    return S_ISREG(st.st_mode) ? YL_PATH_FILE : YL_PATH_OTHER;
}

bool yl__path_same(const char *a, const char *b)
{
    struct stat one, two;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

bool yl__folder_cache(char path[1024])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    bool own = cache && cache[0] == '/';
    if (!own && (!home || home[0] != '/')) return false;
    int n = snprintf(path, 1024, "%s%s/yolua", own ? cache : home, own ? "" : "/.cache");
    return n >= 0 && n < 1024;
}

/* Makes every folder above the last component of `path`, which is cut and mended in place. */
static yl_status make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool bad = mkdir(path, 0777);
        int reason = errno;
        bad = bad && yl__path_kind(path) != YL_PATH_FOLDER;
        errno = reason;
        yl_status status = bad ? refuse("make the folder", path) : YL_OK;
        *slash = '/';
        YL_TRY(status);
    }
    return YL_OK;
}

yl_status yl__folder_new(const char *path, bool *made)
{
    char *copy;
    *made = yl__file_writes_held();
    YL_TRY(yl__sandbox_writes(path));
    if (*made) return YL_OK;
    YL_TRY(yl__strdup(path, &copy));
    for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--) copy[n - 1] = '\0';
    yl_status status = *copy ? make_parents(copy) : yl__fail(YL_INVALID, "a folder's name is empty");
    if (status == YL_OK) {
        *made = mkdir(copy, 0777) == 0;
        if (!*made && errno != EEXIST) status = refuse("make the folder", path);
    }
    yl__free(copy);
    return status;
}

yl_status yl__folder_make(const char *path)
{
    bool made;
    YL_TRY(yl__folder_new(path, &made));
    if (made || yl__path_kind(path) == YL_PATH_FOLDER) return YL_OK;
    return yl__fail(YL_IO, "cannot make the folder %s: a file of that name is there", path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void yl__folder_list_free(char **names, int64_t count)
{
    for (int64_t i = 0; i < count; i++) yl__free(names[i]);
    yl__free(names);
}

yl_status yl__folder_list(const char *path, char ***names, int64_t *count)
{
    YL_TRY(yl__sandbox_reads(path));
    DIR *folder = opendir(path);
    if (!folder) return refuse("read the folder", path);
    char **list = NULL;
    int64_t n = 0, capacity = 0;
    yl_status status = yl__reserve(1, &capacity, sizeof *list, &list);
    for (struct dirent *entry; !status && (entry = readdir(folder));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        status = yl__reserve(n + 1, &capacity, sizeof *list, &list);
        if (!status) status = yl__strdup(entry->d_name, &list[n]);
        if (!status) n++;
    }
    closedir(folder);
    if (status) {
        yl__folder_list_free(list, n);
        return status;
    }
    qsort(list, (size_t)n, sizeof *list, by_name);
    *names = list;
    *count = n;
    return YL_OK;
}

yl_status yl__file_append(const char *path, const void *data, int64_t size)
{
    YL_TRY(yl__sandbox_writes(path));
    if (yl__file_writes_held()) return YL_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) return refuse("write", path);
    struct stat before;
    bool regular = fstat(fd, &before) == 0 && S_ISREG(before.st_mode);
    yl_status status = yl__write_all(fd, path, data, size);
    if (status == YL_OK) status = yl__sync(fd, path);
    if (status && regular && ftruncate(fd, before.st_size)) status = yl__fail_in(status, "after a partial line");
    if (close(fd) && !status) status = refuse("write", path);
    return status;
}
