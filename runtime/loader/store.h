/* Decoded pictures on disk, one file each, named by the hash of the file that they were decoded from. A file that is
 * cut short or altered is as good as absent: its checksum is wrong, and the picture is decoded anew. */
#ifndef YL_LOADER_STORE_H
#define YL_LOADER_STORE_H

#include "image/image.h"

/* Reads the picture of that hash from the folder; false if there is none, or it is incomplete. */
bool yl__store_read(const char *folder, uint64_t high, uint64_t low, yl_image *out);
/* Writes it, atomically; not from two threads at a time. Errors: IO (a full disk), MEMORY. */
yl_status yl__store_write(const char *folder, uint64_t high, uint64_t low, const yl_image *image);

#endif
