/* Decoded pictures on disk, one file each, named by the hash of the source file. A file that is truncated or damaged has a wrong checksum
 * and is ignored: the picture is decoded again. */
#ifndef YL_LOADER_STORE_H
#define YL_LOADER_STORE_H

#include "image/image.h"

/* Reads the picture with that hash from the folder; false if it is missing or damaged. */
bool yl__store_read(const char *folder, uint64_t high, uint64_t low, yl_image *out);
/* Writes it atomically; call it from one thread at a time. Errors: IO (a full disk), MEMORY. */
yl_status yl__store_write(const char *folder, uint64_t high, uint64_t low, const yl_image *image);

#endif
