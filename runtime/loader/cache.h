/* Decoded pictures in memory, keyed by the content of their files, up to a number of bytes. Pictures that no longer fit are not kept, and
 * none is evicted: epochs read all pictures in turn, so that each would be evicted before its next use. Thread-safe. */
#ifndef YL_LOADER_CACHE_H
#define YL_LOADER_CACHE_H

#include "image/image.h"

typedef struct yl_cache yl_cache;

/* `folder`: also keeps decoded pictures there for later processes, and is created if needed; NULL: in memory only. upright: turns pictures
 * by their EXIF orientation. */
yl_status yl_cache_create(int64_t limit_bytes, const char *folder, bool upright, yl_cache **out);
void yl_cache_free(yl_cache *cache); /* NULL is fine; no lease may be alive */

/* A file when it was last read. If it has not changed since, its key is found without reading it. */
typedef struct yl_file_key {
    int64_t size, seconds, nanoseconds;
    uint64_t inode, low, high; /* hash of the content */
    bool known;
} yl_file_key;

/* Has the file not changed since it got that key? */
bool yl_file_unchanged(const char *path, const yl_file_key *key);

/* The decoded picture of `path`, kept in memory if `keep`; *decoded: it was not in the cache. If *owned, the caller frees it
 * (yl_image_free); else it lives as long as the cache. Errors: those of yl_image_decode. */
yl_status yl_cache_get(yl_cache *cache, const char *path, yl_file_key *key, bool keep, yl_image *out, bool *owned,
                       bool *decoded);
int64_t yl_cache_bytes(yl_cache *cache);
/* The next warning, each once per process; false if there is none. About a folder that could not be written (a full disk), an orientation
 * that is ignored, or bytes that belong to no part of a JPEG. */
bool yl_cache_notice(yl_cache *cache, char *out, size_t size);

#endif
