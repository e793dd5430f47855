/* Folders, and files that grow line by line: what a run directory and a data set need besides core/file.h. */
#ifndef YL_CORE_FOLDER_H
#define YL_CORE_FOLDER_H

#include "core/status.h"

typedef enum yl_path_kind { YL_PATH_NONE, YL_PATH_FILE, YL_PATH_FOLDER, YL_PATH_OTHER } yl_path_kind;

/* What `path` is; links are followed. */
yl_path_kind yl__path_kind(const char *path);
/* Whether both are there and are one; links are followed. */
bool yl__path_same(const char *a, const char *b);

/* Makes the folder and those above it; one that exists is fine. Errors: IO with the path and the reason. */
yl_status yl__folder_make(const char *path);
/* Makes a folder that must be new (those above it are made where absent): *made is false where the path is taken. */
yl_status yl__folder_new(const char *path, bool *made);
/* The folder for what can be measured anew: $XDG_CACHE_HOME/yolua, else $HOME/.cache/yolua (XDG base directories: a path that is not
 * absolute is ignored). False where neither is set or the path is too long. Nothing is made. */
bool yl__folder_cache(char path[1024]);

/* The names in a folder but "." and "..", sorted by byte; release with yl__folder_list_free. Errors: IO, MEMORY. */
yl_status yl__folder_list(const char *path, char ***names, int64_t *count);
void yl__folder_list_free(char **names, int64_t count);

/* Appends to a file (made where absent) and waits until the disk has it. A partial write is taken back. */
yl_status yl__file_append(const char *path, const void *data, int64_t size);

#endif
