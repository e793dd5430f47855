/* Signatures: each is bytes at a place; ISO media files (HEIC, AVIF, MP4) tell themselves apart by their brand. */
#include "image/kind.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct signature {
    yl_kind kind;
    int at, length;
    const char *bytes;
    const char *also; /* at 8, where not NULL */
} signature;

#define SIGN(name, at, bytes, also, ...)                                                                               \
    {                                                                                                                  \
        {name, __VA_ARGS__}, at, sizeof bytes - 1, bytes, also                                                         \
    }

static const signature signatures[] = {
    SIGN("JPEG", 0, "\xff\xd8\xff", NULL, true, false),
    SIGN("PNG", 0, "\x89PNG\r\n\x1a\n", NULL, true, false),
    SIGN("WebP", 0, "RIFF", "WEBP", false, false),
    SIGN("BMP", 0, "BM", NULL, false, false),
    SIGN("TIFF", 0, "II*\0", NULL, false, false),
    SIGN("TIFF", 0, "MM\0*", NULL, false, false),
    SIGN("TIFF", 0, "II+\0", NULL, false, false), /* BigTIFF */
    SIGN("TIFF", 0, "MM\0+", NULL, false, false),
    SIGN("GIF", 0, "GIF87a", NULL, false, false),
    SIGN("GIF", 0, "GIF89a", NULL, false, false),
    SIGN("AVIF", 4, "ftyp", "avif", false, false),
    SIGN("AVIF", 4, "ftyp", "avis", false, false),
    SIGN("HEIC", 4, "ftyp", "hei", false, false), /* heic, heix, heim, heis */
    SIGN("HEIC", 4, "ftyp", "hev", false, false),
    SIGN("HEIC", 4, "ftyp", "mif1", false, false),
    SIGN("HEIC", 4, "ftyp", "msf1", false, false),
    SIGN("JPEG XL", 0, "\xff\x0a", NULL, false, false),
    SIGN("JPEG XL", 0, "\0\0\0\x0cJXL ", NULL, false, false),
    SIGN("JPEG 2000", 0, "\0\0\0\x0cjP  ", NULL, false, false),
    SIGN("JPEG 2000", 0, "\xff\x4f\xff\x51", NULL, false, false),
    SIGN("PSD", 0, "8BPS", NULL, false, false),
    SIGN("YUV4MPEG2", 0, "YUV4MPEG2", NULL, false, true),
    SIGN("AVI", 0, "RIFF", "AVI ", false, true),
    SIGN("MP4", 4, "ftyp", NULL, false, true),
    SIGN("Matroska", 0, "\x1a\x45\xdf\xa3", NULL, false, true),
    SIGN("FLV", 0, "FLV\x01", NULL, false, true),
    SIGN("MPEG", 0, "\0\0\x01\xba", NULL, false, true),
};

static bool fits(const signature *s, const unsigned char *b, int64_t size)
{
    if (size < s->at + s->length || memcmp(b + s->at, s->bytes, (size_t)s->length) != 0) return false;
    if (!s->also) return true;
    size_t n = strlen(s->also);
    return size >= 8 + (int64_t)n && memcmp(b + 8, s->also, n) == 0;
}

/* BMP's two letters begin texts as well: its header says that the next four reserved bytes are zero. Netpbm: P1 to P7 and a blank. */
static const yl_kind *vague(const unsigned char *b, int64_t size)
{
    static const yl_kind netpbm = {"Netpbm", false, false};
    bool p = size >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '7' && isspace(b[2]);
    return p ? &netpbm : NULL;
}

const yl_kind *yl_image_kind(const void *bytes, int64_t size)
{
    static const unsigned char nothing[4] = {0};
    const unsigned char *b = bytes;
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        bool bmp = strcmp(signatures[i].kind.name, "BMP") == 0;
        if (fits(&signatures[i], b, size) && (!bmp || (size >= 10 && memcmp(b + 6, nothing, 4) == 0)))
            return &signatures[i].kind;
    }
    return vague(b, size);
}

yl_status yl__image_refuse(const void *bytes, int64_t size, const char *name)
{
    const unsigned char *b = bytes;
    const yl_kind *kind = yl_image_kind(bytes, size);
    char text[16];
    int n = size < 8 ? (int)size : 8;
    if (kind && kind->film)
        return yl__fail(YL_FORMAT, "%s: a video (%s), not a picture: expected PNG or JPEG data", name, kind->name);
    if (kind) return yl__fail(YL_FORMAT, "%s: a %s picture, expected PNG or JPEG data", name, kind->name);
    for (int i = 0; i < n; i++) {
        if (!isprint(b[i]))
            return yl__fail(YL_FORMAT, "%s: not a picture: expected PNG or JPEG data, got byte 0x%02x at offset %d",
                            name, b[i], i);
        text[i] = (char)b[i];
    }
    text[n] = '\0';
    return yl__fail(YL_FORMAT, "%s: not a picture: expected PNG or JPEG data, got \"%s\"", name, text);
}
