/* What a file is, by its first bytes. */
#ifndef YL_IMAGE_KIND_H
#define YL_IMAGE_KIND_H

#include "core/status.h"

typedef struct yl_kind {
    const char *name;    /* "JPEG", "WebP", "MP4", ... */
    bool readable, film; /* we decode it; it is a film, not a picture */
} yl_kind;

/* NULL where the bytes begin like nothing that is known; 16 bytes are enough to tell. */
const yl_kind *yl_image_kind(const void *bytes, int64_t size);
/* The failure of a file that is no picture we read: FORMAT, naming what it is, else its first bytes. */
yl_status yl__image_refuse(const void *bytes, int64_t size, const char *name);

#endif
