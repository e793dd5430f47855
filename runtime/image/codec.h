/* What decode.c asks of each file format. */
#ifndef YL_IMAGE_CODEC_H
#define YL_IMAGE_CODEC_H

#include "image/decode.h"

/* FORMAT where a file's head names a size beyond the limits of image.h, or more pixels than its bytes can ever hold: a
 * head of a few bytes shall not cost memory and time for millions. */
yl_status yl__image_check(const char *name, int64_t w, int64_t h, int64_t bytes, int64_t pixels_per_byte);

/* With `probe` only the size is filled in. note: what the format's decoder has to add. */
typedef yl_status yl__decoder(const void *bytes, int64_t size, const char *name, bool probe, yl_image *out,
                              yl_image_note *note);
yl__decoder yl__png_decode, yl__jpeg_decode;

#endif
