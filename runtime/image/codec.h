/* What decode.c asks of each file format. */
#ifndef YL_IMAGE_CODEC_H
#define YL_IMAGE_CODEC_H

#include "image/image.h"

/* FORMAT where a file's head names a size beyond the limits of image.h, or more pixels than its bytes can ever hold: a
 * head of a few bytes shall not cost memory and time for millions. */
yl_status yl__image_check(const char *name, int64_t w, int64_t h, int64_t bytes, int64_t pixels_per_byte);

/* With out->data == NULL and `probe` only the size is filled in. */
yl_status yl__png_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out);
yl_status yl__jpeg_decode(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out);

#endif
