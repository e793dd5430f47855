/* Writes pictures to files. */
#ifndef YL_IMAGE_ENCODE_H
#define YL_IMAGE_ENCODE_H

#include "image/image.h"

/* Writes an 8-bit RGB PNG; the file is replaced as a whole or not at all. Errors: IO, MEMORY, with the path. */
yl_status yl_image_write_png(const char *path, const yl_image *image);

/* The picture as the bytes of a baseline JPEG, quality 1..100; release with yl__free. Errors: INVALID (a side over 65535
 * pixels, quality), MEMORY. */
yl_status yl_image_encode_jpeg(const yl_image *image, int quality, void **bytes, int64_t *size);

#endif
