/* The orientation tag is sought in the first directory of the TIFF structure that APP1 or eXIf holds. */
#include "image/exif.h"
#include "core/memory.h"

#include <string.h>

enum { TAG = 0x0112, SHORT = 3, LONG = 4 };

typedef struct tiff {
    const uint8_t *b;
    int64_t size;
    bool little;
} tiff;

/* `n` bytes as a number; the caller has seen that they are there. */
static uint32_t number(const tiff *t, int64_t at, int n)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++) v = v << 8 | t->b[at + (t->little ? n - 1 - i : i)];
    return v;
}

static int of_tiff(const uint8_t *b, int64_t size)
{
    tiff t = {b, size, size >= 2 && b[0] == 'I'};
    if (size < 8 || (memcmp(b, "II", 2) != 0 && memcmp(b, "MM", 2) != 0) || number(&t, 2, 2) != 42) return 0;
    int64_t at = number(&t, 4, 4);
    if (at > size - 2) return 0;
    int64_t count = number(&t, at, 2);
    for (at += 2; count > 0 && at + 12 <= size; count--, at += 12) {
        if (number(&t, at, 2) != TAG || number(&t, at + 4, 4) != 1) continue;
        uint32_t type = number(&t, at + 2, 2), value = number(&t, at + 8, type == LONG ? 4 : 2);
        return (type == SHORT || type == LONG) && value >= 1 && value <= 8 ? (int)value : 0;
    }
    return 0;
}

static int of_jpeg(const uint8_t *b, int64_t size)
{
    for (int64_t at = 2; at + 4 <= size;) {
        int marker = b[at + 1];
        if (b[at] != 0xff || marker == 0xda || marker == 0xd9) return 0;
        if (marker == 0xff || marker == 0x01 ||
            (marker >= 0xd0 && marker <= 0xd7)) { /* filling, or no length follows */
            at += marker == 0xff ? 1 : 2;
            continue;
        }
        int64_t length = b[at + 2] << 8 | b[at + 3], body = length - 8;
        if (marker == 0xe1 && body > 0 && at + 10 < size && memcmp(b + at + 4, "Exif\0", 6) == 0) {
            int found = of_tiff(b + at + 10, body < size - at - 10 ? body : size - at - 10);
            if (found) return found;
        }
        at += 2 + length;
    }
    return 0;
}

static int of_png(const uint8_t *b, int64_t size)
{
    for (int64_t at = 8; at + 12 <= size;) {
        int64_t length = (int64_t)b[at] << 24 | b[at + 1] << 16 | b[at + 2] << 8 | b[at + 3];
        if (memcmp(b + at + 4, "IEND", 4) == 0 || length > size - at - 12) return 0;
        if (memcmp(b + at + 4, "eXIf", 4) == 0) return of_tiff(b + at + 8, length);
        at += 12 + length;
    }
    return 0;
}

int yl_exif_orientation(const void *bytes, int64_t size)
{
    const uint8_t *b = bytes;
    if (size >= 4 && b[0] == 0xff && b[1] == 0xd8) return of_jpeg(b, size);
    return size >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0 ? of_png(b, size) : 0;
}

/* Where the upright picture's pixel (x, y) lies in one of w x h. Right-left mirrored: 2 3 7 8 in x; bottom-up: 3 4 6 7. */
static int64_t origin(int orientation, int64_t w, int64_t h, int64_t x, int64_t y)
{
    bool swap = yl_exif_swaps(orientation), right = orientation == 2 || orientation == 3 || orientation >= 7;
    bool down = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int64_t sx = swap ? y : x, sy = swap ? x : y;
    return (down ? h - 1 - sy : sy) * w + (right ? w - 1 - sx : sx);
}

yl_status yl_image_turn(yl_image *image, int orientation)
{
    yl_image out;
    if (orientation < 2 || orientation > 8) return YL_OK;
    bool swap = yl_exif_swaps(orientation);
    YL_TRY(yl_image_new(swap ? image->h : image->w, swap ? image->w : image->h, &out));
    for (int64_t y = 0; y < out.h; y++)
        for (int64_t x = 0; x < out.w; x++)
            memcpy(out.data + (y * out.w + x) * 3, image->data + 3 * origin(orientation, image->w, image->h, x, y), 3);
    yl_image_free(image);
    *image = out;
    return YL_OK;
}
