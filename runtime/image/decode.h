/* Reads pictures from files. The format is read from the first bytes, never from the file's name. An EXIF orientation is reported but
 * not applied; image/exif.h can turn the picture.
 *
 * PNG: every bit depth and colour type becomes 8-bit RGB (alpha dropped, 16 bits cut to the high 8, no gamma); a wrong checksum is an
 * error. JPEG: grey, YCbCr, RGB, CMYK and YCCK; missing or corrupt data is an error, not a grey area; if all pixels are present, stray
 * bytes that belong to no part of the file are reported. Sources: PNG, ISO/IEC 15948; JPEG, ITU-T T.81 and T.872 (Adobe's marker). */
#ifndef YL_IMAGE_DECODE_H
#define YL_IMAGE_DECODE_H

#include "image/image.h"

/* Further facts about a picture that was read. */
typedef struct yl_image_note {
    int orientation; /* EXIF's, 1 to 8; 0: not given */
    bool stray;      /* the JPEG has all its pixels, and bytes that belong to no part of it */
} yl_image_note;

/* Decodes the file. Errors: IO (missing, directory, not a regular file), FORMAT (empty, no picture, truncated, corrupt,
 * too large), MEMORY; the sentence begins with the path. */
yl_status yl_image_decode(const char *path, yl_image *out);
/* The same for bytes in memory; `name` stands for them in errors. */
yl_status yl_image_decode_bytes(const void *bytes, int64_t size, const char *name, yl_image *out);
yl_status yl_image_decode_noted(const void *bytes, int64_t size, const char *name, yl_image *out, yl_image_note *note);
/* Width and height only. Reads the beginning and the end of the file. If the end does not fit the format, the file is decoded, so that
 * a truncated picture is an error here too. */
yl_status yl_image_probe(const char *path, int64_t *w, int64_t *h);
/* The same; upright: the size after applying the orientation. The orientation is reported either way (but without `upright`, one that
 * follows a PNG's pixels is not looked for). */
yl_status yl_image_probe_noted(const char *path, bool upright, int64_t *w, int64_t *h, yl_image_note *note);
yl_status yl_image_probe_bytes(const void *bytes, int64_t size, const char *name, int64_t *w, int64_t *h);
/* The file's bytes, after checking that it is a regular file of reasonable size; release with yl__free. */
yl_status yl__image_read(const char *path, char **bytes, int64_t *size);

/* yl_image_decode, and with `upright` turned as its EXIF says. */
yl_status yl_image_load(const char *path, bool upright, yl_image *out);

#endif
