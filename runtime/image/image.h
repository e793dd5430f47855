/* A decoded picture in memory: 8-bit RGB, rows from top to bottom, channels interleaved. */
#ifndef YL_IMAGE_IMAGE_H
#define YL_IMAGE_IMAGE_H

#include "core/status.h"

typedef struct yl_image {
    int64_t w, h;
    uint8_t *data; /* h,w,3 */
} yl_image;

/* Limits that hold for every picture, checked before any memory is asked for. */
enum { YL_IMAGE_MAX_SIDE = 65500, YL_IMAGE_MAX_PIXELS = 1 << 27, YL_IMAGE_MAX_FILE = 1 << 29 };

/* Uninitialised pixels of the given size. Errors: INVALID beyond the limits, MEMORY. */
yl_status yl_image_new(int64_t w, int64_t h, yl_image *out);
void yl_image_free(yl_image *image); /* leaves an empty image; NULL data is fine */

static inline int64_t yl_image_bytes(const yl_image *image)
{
    return image->w * image->h * 3;
}

#endif
