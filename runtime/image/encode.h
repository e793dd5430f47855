/* Pictures into files. */
#ifndef YL_IMAGE_ENCODE_H
#define YL_IMAGE_ENCODE_H

#include "image/image.h"

/* Writes an 8-bit RGB PNG; the file is replaced as a whole or not at all. Errors: IO, MEMORY, with the path. */
yl_status yl_image_write_png(const char *path, const yl_image *image);

#endif
