/* Files that belong together (ncnn's .param and .bin, Darknet's cfg and weights): all of them are replaced, or none. */
#ifndef YL_CORE_FILE_GROUP_H
#define YL_CORE_FILE_GROUP_H

#include "core/file.h"

/* From here on what this thread commits (yl__file_commit, yl__file_write) waits beside its target, until the group ends. Groups nest: what
 * an inner one holds waits for the outer one. Returns what `end` takes. Devices and pipes are written at once. */
int64_t yl__file_group_begin(void);
/* With OK the files of the outermost group are put in their places, and those that were put there go again where one cannot be; with
 * anything else the group's files are removed. Returns `status`, or why a file could not be put in its place: IO, MEMORY. */
yl_status yl__file_group_end(int64_t group, yl_status status);

/* For yl__file_commit: waits for the folder that a file is in, so that its name survives too; what cannot be waited for is left. */
void yl__sync_folder(const char *path);
/* Whether there is a group, and one more file of it, whose paths become the group's. */
bool yl__file_group_open(void);
yl_status yl__file_group_add(yl_file_writer *writer);

#endif
