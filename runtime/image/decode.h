/* Pictures out of files. The format is read from the first bytes, never from the file's name; an EXIF orientation is ignored.
 *
 * PNG: every bit depth and colour type becomes 8-bit RGB (alpha dropped, 16 bits cut to the high 8, no gamma); a wrong
 * checksum is an error. JPEG: grey, YCbCr, RGB, CMYK and YCCK; missing or corrupt data is an error, not a grey area.
 * Sources: PNG, ISO/IEC 15948; JPEG, ITU-T T.81 and T.872 (Adobe's marker). */
#ifndef YL_IMAGE_DECODE_H
#define YL_IMAGE_DECODE_H

#include "image/image.h"

/* Decodes the file. Errors: IO (missing, directory, not a regular file), FORMAT (empty, no picture, truncated, corrupt, too
 * large), MEMORY; the sentence begins with the path. */
yl_status yl_image_decode(const char *path, yl_image *out);
/* The same for bytes in memory; `name` is what the sentences call them. */
yl_status yl_image_decode_bytes(const void *bytes, int64_t size, const char *name, yl_image *out);
/* Width and height only; reads the head of the file where that is enough. */
yl_status yl_image_probe(const char *path, int64_t *w, int64_t *h);
yl_status yl_image_probe_bytes(const void *bytes, int64_t size, const char *name, int64_t *w, int64_t *h);
/* The file's bytes, after checking that it is a regular file of reasonable size; release with yl__free. */
yl_status yl__image_read(const char *path, char **bytes, int64_t *size);

#endif
