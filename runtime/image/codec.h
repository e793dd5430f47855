/* What decode.c asks of each file format. */
#ifndef YL_IMAGE_CODEC_H
#define YL_IMAGE_CODEC_H

#include "image/image.h"

yl_status yl__image_check(int64_t w, int64_t h); /* INVALID beyond the limits of image.h */

/* With out->data == NULL and `probe` only the size is filled in. */
yl_status yl__png_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out);
yl_status yl__jpeg_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out);

#endif
