/* Decoded pictures in memory, keyed by the content of their files, bounded in bytes. A picture that does not fit is not kept:
 * epochs go through all of them in turn, so that throwing out old ones would keep none. Safe for any number of threads. */
#ifndef YL_LOADER_CACHE_H
#define YL_LOADER_CACHE_H

#include "image/image.h"

typedef struct yl_cache yl_cache;

/* `folder`: decoded pictures are also kept there, for the next process (made where absent); NULL: in memory only. upright: pictures
 * are turned as their EXIF orientation says. */
yl_status yl_cache_create(int64_t limit_bytes, const char *folder, bool upright, yl_cache **out);
void yl_cache_free(yl_cache *cache); /* NULL is fine; no lease may be alive */

/* A file as it was when it was last read: an unchanged one need not be read again to find its key. */
typedef struct yl_file_key {
    int64_t size, seconds, nanoseconds;
    uint64_t inode, low, high; /* hash of the content */
    bool known;
} yl_file_key;

/* The decoded picture of `path`; *decoded says whether it had to be decoded. `owned` pictures belong to the caller
 * (yl_image_free), others to the cache, as long as it lives. Errors: those of yl_image_decode. */
yl_status yl_cache_get(yl_cache *cache, const char *path, yl_file_key *key, yl_image *out, bool *owned, bool *decoded);
int64_t yl_cache_bytes(yl_cache *cache);
/* Gives out what the consumer should be warned of, each matter once in a process: true while there is something. A folder that has
 * refused a file (a full disk), an orientation that is ignored, bytes that belong to no part of a JPEG. */
bool yl_cache_notice(yl_cache *cache, char *out, size_t size);

#endif
