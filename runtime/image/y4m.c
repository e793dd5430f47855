/* Words behind the magic one are a letter and a value each. */
#define _GNU_SOURCE
#include "image/y4m.h"
#include "core/log.h"
#include "core/text.h"

#include <string.h>

enum { LONGEST = 1024 };

/* Where chroma lies: 4:2:0 as JPEG and MPEG-1 have it (in the middle of four), as MPEG-2 (on the left column, between two rows), and as
 * PAL-DV (on the left column, Cr on even rows, Cb on odd ones); 4:2:2 and 4:1:1 on the left of their luma samples. */
static const struct {
    const char *word;
    int step_x, step_y, first_x, cb_y, cr_y;
} layouts[] = {
    {"420jpeg", 2, 2, 1, 1, 1},  {"420", 2, 2, 1, 1, 1}, {"420mpeg2", 2, 2, 0, 1, 1},
    {"420paldv", 2, 2, 0, 2, 0}, {"422", 2, 1, 0, 0, 0}, {"422jpeg", 2, 1, 1, 0, 0},
    {"411", 4, 1, 0, 0, 0},      {"444", 1, 1, 0, 0, 0}, {"mono", 0, 0, 0, 0, 0},
};

static yl_status read_layout(const char *word, const char *name, yl_yuv *out)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (strcmp(layouts[i].word, word) == 0) {
            out->step_x = layouts[i].step_x;
            out->step_y = layouts[i].step_y;
            out->first_x = layouts[i].first_x;
            out->cb_y = layouts[i].cb_y;
            out->cr_y = layouts[i].cr_y;
            return YL_OK;
        }
    return yl__fail(
        YL_FORMAT,
        "%s: yuv4mpeg header: chroma 'C%s' is not supported: expected 420jpeg, 420mpeg2, 420paldv, 422, 422jpeg, 411, "
        "444 or mono, 8 bits each (ffmpeg: -pix_fmt yuv420p)",
        name, word);
}

static yl_status read_range(const char *value, const char *name, yl_yuv *out)
{
    out->full = strcmp(value, "FULL") == 0;
    if (out->full || strcmp(value, "LIMITED") == 0) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: yuv4mpeg header: expected XCOLORRANGE=FULL or LIMITED, got '%s'", name, value);
}

static yl_status read_side(const char *word, const char *name, int64_t *out)
{
    if (yl__parse_integer(word + 1, out) && *out >= 1 && *out <= YL_IMAGE_MAX_SIDE) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: yuv4mpeg header: expected %s as a number from 1 to %d, got '%s'", name,
                    *word == 'W' ? "a width W" : "a height H", YL_IMAGE_MAX_SIDE, word);
}

static void check_interlacing(const char *word, const char *name)
{
    if (strcmp(word, "p") != 0 && strcmp(word, "?") != 0)
        yl__warn("%s: the frames are interlaced (I%s): both fields of a frame are taken as one picture", name, word);
}

static yl_status read_word(const char *word, const char *name, yl_yuv *out)
{
    static const char range[] = "XCOLORRANGE=";
    switch (*word) {
    case 'W':
        return read_side(word, name, &out->w);
    case 'H':
        return read_side(word, name, &out->h);
    case 'C':
        return read_layout(word + 1, name, out);
    case 'I':
        check_interlacing(word + 1, name);
        return YL_OK;
    case 'F':
    case 'A':
        return YL_OK;
    case 'X':
        return strncmp(word, range, sizeof range - 1) == 0 ? read_range(word + sizeof range - 1, name, out) : YL_OK;
    default:
        return yl__fail(YL_FORMAT,
                        "%s: yuv4mpeg header: expected words that begin with W, H, C, I, F, A or X, got '%s'", name,
                        word);
    }
}

yl_status yl__y4m_head(const char *line, const char *name, yl_yuv *out)
{
    char text[LONGEST + 1];
    yl_yuv_matrix matrix = out->matrix;
    *out = (yl_yuv){.matrix = matrix};
    YL_TRY(read_layout("420jpeg", name, out));
    if (strlen(line) > LONGEST)
        return yl__fail(YL_FORMAT, "%s: a yuv4mpeg header of more than %d bytes", name, LONGEST);
    strcpy(text, line);
    char *rest = text;
    for (char *word = strtok_r(rest, " ", &rest), *first = word; word; word = strtok_r(NULL, " ", &rest))
        if (word != first) YL_TRY(read_word(word, name, out));
    if (!out->w || !out->h)
        return yl__fail(YL_FORMAT, "%s: yuv4mpeg header: the %s is missing", name, out->w ? "height (H)" : "width (W)");
    if (out->w * out->h <= YL_IMAGE_MAX_PIXELS) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: yuv4mpeg header: frames of %lldx%lld pixels, expected at most %d in all", name,
                    (long long)out->w, (long long)out->h, YL_IMAGE_MAX_PIXELS);
}

/* Copies the line that begins the window, without its end; *length: with it, 0 where there is no end within LONGEST bytes. */
static yl_status read_line(yl_input *in, char line[LONGEST + 1], int64_t *length)
{
    *length = 0;
    for (int64_t n = 1; n <= LONGEST; n++) {
        bool there;
        YL_TRY(yl__input_need(in, n, &there));
        if (!there) return YL_OK;
        char c = (char)*yl__input_at(in, n - 1);
        line[n - 1] = (char)(c == '\n' ? '\0' : c ? c : '\1');
        if (c == '\n') return *length = n, YL_OK;
    }
    return YL_OK;
}

yl_status yl__y4m_open(yl_input *in, yl_yuv *out)
{
    char line[LONGEST + 1];
    int64_t length;
    YL_TRY(read_line(in, line, &length));
    if (!length) return yl__fail(YL_FORMAT, "%s: the yuv4mpeg header does not end", in->name);
    YL_TRY(yl__y4m_head(line, in->name, out));
    yl__input_take(in, length);
    return YL_OK;
}

static yl_status cut(const yl_input *in, int64_t frame, int64_t need)
{
    return yl__fail(YL_FORMAT, "%s: frame %lld is cut: the stream ends after %lld of its %lld bytes", in->name,
                    (long long)frame, (long long)yl__input_have(in), (long long)need);
}

/* "FRAME", words that may follow it, and the end of the line. */
static yl_status frame_head(yl_input *in, int64_t frame, int64_t *length)
{
    char line[LONGEST + 1] = "";
    YL_TRY(read_line(in, line, length));
    if (*length && strncmp(line, "FRAME", 5) == 0 && (line[5] == '\0' || line[5] == ' ')) return YL_OK;
    bool begun = !*length &&
                 memcmp(yl__input_at(in, 0), "FRAME", (size_t)(yl__input_have(in) < 5 ? yl__input_have(in) : 5)) == 0;
    if (begun && in->closed) return cut(in, frame, 6);
    return yl__fail(YL_FORMAT, "%s: frame %lld: expected the word FRAME at byte %lld of the stream, got byte 0x%02x",
                    in->name, (long long)frame, (long long)in->taken, *yl__input_at(in, 0));
}

yl_status yl__y4m_next(yl_input *in, const yl_yuv *yuv, int64_t frame, yl_image *out, bool *there)
{
    int64_t length, bytes = yl_yuv_bytes(yuv);
    *out = (yl_image){0};
    YL_TRY(yl__input_need(in, 1, there));
    if (!*there) return YL_OK;
    YL_TRY(frame_head(in, frame, &length));
    bool whole;
    YL_TRY(yl__input_need(in, length + bytes, &whole));
    if (!whole) return cut(in, frame, length + bytes);
    YL_TRY(yl_image_new(yuv->w, yuv->h, out));
    yl_status status = yl_yuv_to_rgb(yuv, yl__input_at(in, length), out);
    if (status) yl_image_free(out);
    yl__input_take(in, length + bytes);
    return status;
}
