/* Chooses the decoder by the first bytes. */
#define _GNU_SOURCE
#include "image/decode.h"
#include "core/file.h"
#include "core/memory.h"
#include "image/codec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef yl_status (*decoder)(const void *, int64_t, const char *, bool, yl_image *);

static yl_status unknown_format(const unsigned char *b, int64_t size, const char *name)
{
    char text[16];
    int n = size < 8 ? (int)size : 8;
    for (int i = 0; i < n; i++) {
        if (!isprint(b[i])) {
            snprintf(text, sizeof text, "byte 0x%02x", b[i]);
            return yl__fail(YL_FORMAT, "%s: not a picture: expected PNG or JPEG data, got %s at offset %d", name, text,
                            i);
        }
        text[i] = (char)b[i];
    }
    text[n] = '\0';
    return yl__fail(YL_FORMAT, "%s: not a picture: expected PNG or JPEG data, got \"%s\"", name, text);
}

static yl_status choose(const void *bytes, int64_t size, const char *name, decoder *out)
{
    static const unsigned char png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    const unsigned char *b = bytes;
    if (size == 0) return yl__fail(YL_FORMAT, "%s: the file is empty; expected PNG or JPEG data", name);
    if (size >= 8 && memcmp(b, png, 8) == 0)
        *out = yl__png_decode;
    else if (size >= 3 && b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff)
        *out = yl__jpeg_decode;
    else
        return unknown_format(b, size, name);
    return YL_OK;
}

yl_status yl_image_decode_bytes(const void *bytes, int64_t size, const char *name, yl_image *out)
{
    decoder decode;
    *out = (yl_image){0};
    YL_TRY(choose(bytes, size, name, &decode));
    return decode(bytes, size, name, false, out);
}

yl_status yl_image_probe_bytes(const void *bytes, int64_t size, const char *name, int64_t *w, int64_t *h)
{
    decoder decode;
    yl_image image = {0};
    YL_TRY(choose(bytes, size, name, &decode));
    YL_TRY(decode(bytes, size, name, true, &image));
    *w = image.w;
    *h = image.h;
    return YL_OK;
}

static yl_status check_file(const char *path)
{
    struct stat st;
    if (stat(path, &st)) return yl__fail(YL_IO, "cannot open %s: %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode)) return yl__fail(YL_IO, "%s: a picture was expected, this is a directory", path);
    if (!S_ISREG(st.st_mode)) return yl__fail(YL_IO, "%s: a picture was expected, this is not a regular file", path);
    if (st.st_size > YL_IMAGE_MAX_FILE)
        return yl__fail(YL_FORMAT, "%s: a picture of at most %d bytes was expected, got %lld", path, YL_IMAGE_MAX_FILE,
                        (long long)st.st_size);
    return YL_OK;
}

yl_status yl__image_read(const char *path, char **bytes, int64_t *size)
{
    YL_TRY(check_file(path));
    return yl__file_read(path, bytes, size);
}

yl_status yl_image_decode(const char *path, yl_image *out)
{
    char *bytes;
    int64_t size;
    *out = (yl_image){0};
    YL_TRY(yl__image_read(path, &bytes, &size));
    yl_status status = yl_image_decode_bytes(bytes, size, path, out);
    yl__free(bytes);
    return status;
}

/* The head holds the size of nearly every picture; only large EXIF or ICC blocks need the rest. */
static bool probe_head(const char *path, int64_t *w, int64_t *h)
{
    enum { HEAD = 1 << 15 };
    char head[HEAD];
    FILE *f = fopen(path, "rbe");
    if (!f) return false;
    size_t got = fread(head, 1, sizeof head, f);
    fclose(f);
    return yl_image_probe_bytes(head, (int64_t)got, path, w, h) == YL_OK;
}

yl_status yl_image_probe(const char *path, int64_t *w, int64_t *h)
{
    char *bytes;
    int64_t size;
    YL_TRY(check_file(path));
    if (probe_head(path, w, h)) return YL_OK;
    YL_TRY(yl__file_read(path, &bytes, &size));
    yl_status status = yl_image_probe_bytes(bytes, size, path, w, h);
    yl__free(bytes);
    return status;
}
