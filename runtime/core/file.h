/* Whole files in, whole files out: read with a size limit, write to a temporary name, sync, rename. */
#ifndef YL_CORE_FILE_H
#define YL_CORE_FILE_H

#include "core/status.h"

/* Reads all of `path` into *data (NUL-terminated for convenience, release with yl__free); *size excludes that NUL.
 * Errors: IO for a missing or unreadable file or a directory, with the path and the system's reason. */
yl_status yl__file_read(const char *path, char **data, int64_t *size);

/* Refuses a path that does not end in `ending` (".weights", in any case), which says what such a file holds. Errors: INVALID. */
yl_status yl__file_ending(const char *path, const char *ending, const char *holds);

/* Replaces `path` by `size` bytes, so that a crash or a full disk leaves the old file or the new one, never a mixture. A link stays
 * and the file that it leads to is replaced, or made where it is not there; what is no file (a device, a pipe) is written in place.
 * Errors: IO with the path and the system's reason; a directory. */
yl_status yl__file_write(const char *path, const void *data, int64_t size);

/* The same in parts: open, write any number of times, then commit; discard removes the temporary file.
 * After a failed write, discard is still to be called. */
typedef struct yl_file_writer {
    char *path, *target, *temporary; /* as it was given; where it leads; written until the commit, NULL in place */
    int descriptor;
    bool in_place; /* no regular file */
} yl_file_writer;

/* Of several processes that do the same work, one writes: in the others every write, and every change of a folder, does nothing from now
 * on, and succeeds. */
void yl__file_hold_writes(void);
bool yl__file_writes_held(void);

yl_status yl__file_begin(const char *path, yl_file_writer *writer);
yl_status yl__file_put(yl_file_writer *writer, const void *data, int64_t size);
/* On failure nothing is left behind but the old file. Within a group (file_group.h) the old file stays until the group ends. */
yl_status yl__file_commit(yl_file_writer *writer);
void yl__file_discard(yl_file_writer *writer);

/* All bytes to an open file, and the wait for the disk (which a device need not have), whatever signals come between; `path` is for
 * the sentence. */
yl_status yl__write_all(int descriptor, const char *path, const void *data, int64_t size);
yl_status yl__sync(int descriptor, const char *path);

#endif
