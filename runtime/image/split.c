/* JPEG: markers and lengths up to the scan, then whatever comes before the next marker, and so on up to the end mark (ITU-T T.81,
 * annex B). PNG: chunks up to IEND (ISO/IEC 15948). */
#include "image/split.h"

#include <string.h>

enum { SIGNATURE = 8 };
static const uint8_t png_signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

bool yl__split_begins(const uint8_t *b, int64_t left, bool png_only)
{
    if (left >= SIGNATURE && memcmp(b, png_signature, SIGNATURE) == 0) return true;
    return !png_only && left >= 3 && b[0] == 0xff && b[1] == 0xd8 && b[2] == 0xff;
}

static yl_status finish(yl_split *out, yl_split_end end, int64_t size)
{
    out->end = end;
    out->size = size;
    return YL_OK;
}

/* Moves *at to the next marker: a byte 255 and one that is neither 0 (255 itself, in a scan) nor a restart or another 255. */
static yl_status next_marker(yl_input *in, int64_t *at, bool *there)
{
    for (;; ++*at) {
        YL_TRY(yl__input_need(in, *at + 2, there));
        if (!*there || *at > YL_SPLIT_LIMIT) return YL_OK;
        const uint8_t *b = yl__input_at(in, *at);
        const uint8_t *found = memchr(b, 0xff, (size_t)(yl__input_have(in) - *at - 1));
        *at += found ? found - b : yl__input_have(in) - *at - 2;
        if (found && found[1] != 0 && found[1] != 0xff && found[1] != 0x01 && (found[1] < 0xd0 || found[1] > 0xd7))
            return YL_OK;
    }
}

static bool may_hold_pictures(int marker)
{
    return (marker >= 0xe0 && marker <= 0xef) || marker == 0xfe;
}

static yl_status split_jpeg(yl_input *in, yl_split *out)
{
    bool there,
        skippable =
            true; /* the block that ends at `expected`: the signature, APPn or a comment, one right behind the other */
    int64_t at = 2, expected = 2;
    for (out->body = 2;;) {
        YL_TRY(next_marker(in, &at, &there));
        if (!there) return finish(out, YL_SPLIT_CUT, yl__input_have(in));
        if (at > YL_SPLIT_LIMIT) return finish(out, YL_SPLIT_BROKEN, at);
        skippable = skippable && at == expected;
        if (skippable) out->body = at;
        int marker = yl__input_at(in, at)[1];
        if (marker == 0xd9) return finish(out, YL_SPLIT_WHOLE, at + 2);
        if (marker == 0xd8) return finish(out, YL_SPLIT_BROKEN, at); /* the next picture: this one was cut */
        YL_TRY(yl__input_need(in, at + 4, &there));
        if (!there) return finish(out, YL_SPLIT_CUT, yl__input_have(in));
        const uint8_t *b = yl__input_at(in, at);
        skippable = skippable && may_hold_pictures(marker);
        expected = at += 2 + (b[2] << 8 | b[3]);
    }
}

static bool is_letter(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static yl_status split_png(yl_input *in, yl_split *out)
{
    for (int64_t at = out->body = SIGNATURE;;) {
        bool there;
        YL_TRY(yl__input_need(in, at + 12, &there));
        if (!there) return finish(out, YL_SPLIT_CUT, yl__input_have(in));
        const uint8_t *b = yl__input_at(in, at);
        int64_t length = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        bool known = is_letter(b[4]) && is_letter(b[5]) && is_letter(b[6]) && is_letter(b[7]);
        if (!known || at + 12 + length > YL_SPLIT_LIMIT) return finish(out, YL_SPLIT_BROKEN, at);
        bool last = memcmp(b + 4, "IEND", 4) == 0;
        at += 12 + length;
        if (!last) continue;
        YL_TRY(yl__input_need(in, at, &there));
        return there ? finish(out, YL_SPLIT_WHOLE, at) : finish(out, YL_SPLIT_CUT, yl__input_have(in));
    }
}

yl_status yl__split_picture(yl_input *in, yl_split *out)
{
    out->png = *yl__input_at(in, 0) == png_signature[0];
    return out->png ? split_png(in, out) : split_jpeg(in, out);
}

yl_status yl__split_seek(yl_input *in, int64_t from, bool png_only, bool *there)
{
    yl__input_take(in, from);
    for (;;) {
        YL_TRY(yl__input_need(in, SIGNATURE, there));
        int64_t have = yl__input_have(in), at = 0;
        while (at < have && !yl__split_begins(yl__input_at(in, at), have - at, png_only) &&
               (in->closed || at + SIGNATURE <= have))
            at++;
        bool found = at < have && yl__split_begins(yl__input_at(in, at), have - at, png_only);
        yl__input_take(in, at);
        if (found || (in->closed && at == have)) {
            *there = found;
            return YL_OK;
        }
    }
}
