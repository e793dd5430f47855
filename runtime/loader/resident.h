/* Decoded pictures in a device's memory, at most one for each sample, up to a number of bytes. None is evicted, as in the cache. For one
 * thread at a time. */
#ifndef YL_LOADER_RESIDENT_H
#define YL_LOADER_RESIDENT_H

#include "core/device.h"
#include "loader/cache.h"

typedef struct yl_resident_picture {
    uint8_t *data; /* {h, w, 3} in device memory; NULL: not there */
    int64_t w, h;
    uint64_t low, high; /* hash of its file's content */
} yl_resident_picture;

typedef struct yl_resident yl_resident;

/* For `count` samples. Memory is taken from the device as pictures come, and never its last: a quarter of the limit, at most 1 GiB, stays
 * free. Errors: MEMORY (of the host). */
yl_status yl__resident_create(yl_device *device, int64_t count, int64_t limit_bytes, yl_resident **out);
void yl__resident_free(yl_resident *resident); /* nothing may be using its pictures; NULL is fine */

yl_resident_picture yl__resident_get(const yl_resident *resident, int64_t sample);
/* Is that the picture of the file whose key this is? */
static inline bool yl__resident_is(const yl_resident_picture *picture, const yl_file_key *key)
{
    return picture->data && picture->low == key->low && picture->high == key->high;
}
/* Room for the sample's picture, which the caller writes; NULL where there is none, or another picture of the sample is there. */
uint8_t *yl__resident_add(yl_resident *resident, int64_t sample, int64_t w, int64_t h, const yl_file_key *key);
bool yl__resident_full(const yl_resident *resident); /* a picture did not fit */
int64_t yl__resident_bytes(const yl_resident *resident);

#endif
