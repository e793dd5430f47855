/* A broken picture is skipped: the stream continues at the next signature. */
#include "image/stream.h"
#include "core/memory.h"
#include "image/kind.h"
#include "image/split.h"
#include "image/y4m.h"

#include <stdio.h>
#include <string.h>

enum { NAME = 200 };

struct yl_stream {
    char name[NAME];
    yl_input in;
    yl_yuv yuv;
    bool begun, is_yuv, over, png;
    int64_t frame;
};

yl_status yl_stream_open(int descriptor, const char *name, yl_yuv_matrix matrix, yl_stream **out)
{
    yl_stream *s;
    YL_TRY(yl__calloc(1, sizeof *s, &s));
    snprintf(s->name, sizeof s->name, "%s", name);
    s->in = (yl_input){.descriptor = descriptor, .name = s->name};
    s->yuv.matrix = matrix;
    *out = s;
    return YL_OK;
}

void yl_stream_free(yl_stream *s)
{
    if (!s) return;
    yl__input_free(&s->in);
    yl__free(s);
}

int64_t yl_stream_frame(const yl_stream *s)
{
    return s->frame;
}

bool yl_stream_over(const yl_stream *s)
{
    return s->over;
}

static yl_status refuse_stream(const yl_stream *s)
{
    static const char wanted[] = "expected JPEG or PNG pictures one after the other, or yuv4mpeg";
    static const char way[] = "`ffmpeg -i FILE -f yuv4mpegpipe -` makes the latter";
    int64_t have = yl__input_have(&s->in);
    if (have == 0) return yl__fail(YL_FORMAT, "%s: the stream is empty: %s", s->name, wanted);
    const yl_kind *kind = yl_image_kind(yl__input_at(&s->in, 0), have);
    if (kind) return yl__fail(YL_FORMAT, "%s: the stream is %s: %s (%s)", s->name, kind->name, wanted, way);
    return yl__fail(YL_FORMAT, "%s: the stream begins with byte 0x%02x: %s (%s)", s->name, *yl__input_at(&s->in, 0),
                    wanted, way);
}

/* What kind of stream it is. */
static yl_status begin(yl_stream *s)
{
    static const char magic[] = "YUV4MPEG2 ";
    enum { MAGIC = sizeof magic - 1 };
    bool there;
    s->begun = true;
    YL_TRY(
        yl__input_need(&s->in, 3, &there)); /* no more than the shortest signature: a camera may keep the rest back */
    const uint8_t *b = there ? yl__input_at(&s->in, 0) : NULL;
    if (b && yl__split_begins(b, yl__input_have(&s->in), false)) return YL_OK;
    YL_TRY(yl__input_need(&s->in, 16, &there));
    int64_t have = yl__input_have(&s->in);
    if (have >= MAGIC && memcmp(yl__input_at(&s->in, 0), magic, MAGIC) == 0) {
        s->is_yuv = true;
        return yl__y4m_open(&s->in, &s->yuv);
    }
    return have && yl__split_begins(yl__input_at(&s->in, 0), have, false) ? YL_OK : refuse_stream(s);
}

/* Takes the zeros that some cameras fill up with; *there is false at the end. */
static yl_status skip_zeros(yl_stream *s, bool *there)
{
    for (;;) {
        YL_TRY(yl__input_need(&s->in, 1, there));
        if (!*there || *yl__input_at(&s->in, 0) != 0) return YL_OK;
        yl__input_take(&s->in, 1);
    }
}

/* Bytes that begin no picture: told as a frame, since one lies there in all likelihood. */
static yl_status refuse_frame(yl_stream *s)
{
    int64_t from = s->in.taken, first = *yl__input_at(&s->in, 0);
    bool there;
    YL_TRY(yl__split_seek(&s->in, 1, s->png, &there));
    s->over = !there;
    return yl__fail(YL_FORMAT,
                    "%s: frame %lld: %lld bytes from byte %lld of the stream (0x%02x ...) are not JPEG or PNG", s->name,
                    (long long)s->frame, (long long)(s->in.taken - from), (long long)from, (unsigned)first);
}

/* The picture could not be decoded, or has no outline: on to the next one, which may lie inside of what was taken for it. Keeps the
 * sentence. */
static yl_status pass_over(yl_stream *s, const yl_split *split)
{
    char sentence[512];
    bool there;
    snprintf(sentence, sizeof sentence, "%s", yl_error());
    YL_TRY(yl__split_seek(&s->in, split->body, split->png, &there));
    s->over = !there;
    return yl__fail(YL_FORMAT, "%s", sentence);
}

static yl_status decode_frame(yl_stream *s, const yl_split *split, yl_image *out, yl_image_note *note)
{
    char name[NAME + 40];
    long long at = (long long)(s->in.taken + split->size);
    const char *kind = split->png ? "PNG" : "JPEG";
    yl_status status = YL_FORMAT;
    snprintf(name, sizeof name, "%s: frame %lld", s->name, (long long)s->frame);
    if (split->end == YL_SPLIT_CUT)
        yl__fail(YL_FORMAT, "%s is cut: the stream ends after %lld bytes of the %s", name, (long long)split->size,
                 kind);
    else if (split->end == YL_SPLIT_BROKEN)
        yl__fail(YL_FORMAT, "%s: a broken %s: it does not continue at byte %lld of the stream", name, kind, at);
    else
        status = yl_image_decode_noted(yl__input_at(&s->in, 0), split->size, name, out, note);
    if (status == YL_FORMAT) return pass_over(s, split);
    yl__input_take(&s->in, split->size);
    return status;
}

static yl_status next_picture(yl_stream *s, yl_image *out, yl_image_note *note)
{
    yl_split split;
    bool there;
    YL_TRY(skip_zeros(s, &there));
    s->over = !there;
    if (!there) return YL_OK;
    YL_TRY(yl__input_need(&s->in, 3, &there));
    if (there && *yl__input_at(&s->in, 0) == 0x89) YL_TRY(yl__input_need(&s->in, 8, &there));
    s->frame++;
    if (!yl__split_begins(yl__input_at(&s->in, 0), yl__input_have(&s->in), false)) return refuse_frame(s);
    YL_TRY(yl__split_picture(&s->in, &split));
    s->png = split.png;
    return decode_frame(s, &split, out, note);
}

static yl_status next_yuv(yl_stream *s, yl_image *out)
{
    bool there;
    yl_status status = yl__y4m_next(&s->in, &s->yuv, s->frame + 1, out, &there);
    s->over = status == YL_FORMAT || !there;
    s->frame += status != YL_OK || there;
    return status;
}

yl_status yl_stream_next(yl_stream *s, yl_image *out, yl_image_note *note)
{
    *out = (yl_image){0};
    *note = (yl_image_note){0};
    if (!s->begun) {
        yl_status status = begin(s);
        if (status) s->over = true;
        YL_TRY(status);
    }
    if (s->over) return YL_OK;
    return s->is_yuv ? next_yuv(s, out) : next_picture(s, out, note);
}
