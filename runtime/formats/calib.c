/* Calibration files line by line, and the projection of a 3D box. */
#include "formats/calib.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { SHOWN = 40, LARGEST = 1 << 20 };

static const double largest = 1e9; /* of a matrix's numbers, so that products of them stay finite */

static const struct entry {
    const char *name;
    int count;
    size_t offset;
} entries[] = {
#define X(name, count) {#name, count, offsetof(yl_calib, name)},
    YL_CALIB_LINES(X)
#undef X
};

enum { ENTRIES = sizeof entries / sizeof *entries, P2_BIT = 1 << 2 };

static const char *const names[] = {
#define X(name, count) #name,
    YL_CALIB_LINES(X)
#undef X
};

static int find(const char *name)
{
    for (int i = 0; i < ENTRIES; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

/* The next word, cut off at its end; NULL if there is none. */
static char *next_word(char **text)
{
    static const char blanks[] = " \t\r\v\f";
    char *word = *text + strspn(*text, blanks), *end = word + strcspn(word, blanks);
    if (!*word) return NULL;
    *text = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

static yl_status unknown_name(const char *path, int line, const char *name)
{
    const char *near = yl__nearest(name, names, ENTRIES);
    return yl__fail(YL_FORMAT, "%s:%d: expected a line of P0 to P3, R0_rect or Tr_..., got '%.*s'%s%s", path, line,
                    SHOWN, name, near ? ", did you mean " : "", near ? near : "");
}

static yl_status read_numbers(const char *path, int line, char *rest, const struct entry *e, double *out)
{
    int count = 0;
    for (char *word; (word = next_word(&rest)); count++)
        if (count < e->count && !(yl__parse_number(word, &out[count]) && fabs(out[count]) <= largest))
            return yl__fail(YL_FORMAT, "%s:%d: %s: number %d: expected a number from -1e9 to 1e9, got '%.*s'", path,
                            line, e->name, count + 1, SHOWN, word);
    if (count == e->count) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%d: %s: expected %d numbers, got %d", path, line, e->name, e->count, count);
}

static yl_status read_line(const char *path, int line, char *text, yl_calib *out)
{
    char *name = next_word(&text);
    if (!name) return YL_OK;
    size_t length = strlen(name);
    if (name[length - 1] != ':')
        return yl__fail(YL_FORMAT, "%s:%d: expected a name with a colon, got '%.*s'", path, line, SHOWN, name);
    name[length - 1] = '\0';
    int i = find(name);
    if (i < 0) return unknown_name(path, line, name);
    if (out->lines >> i & 1) return yl__fail(YL_FORMAT, "%s:%d: %s occurs twice", path, line, name);
    out->lines |= 1u << i;
    return read_numbers(path, line, text, &entries[i], (double *)((char *)out + entries[i].offset));
}

yl_status yl_calib_parse(const char *path, char *text, int64_t size, yl_calib *out)
{
    *out = (yl_calib){0};
    const char *zero = memchr(text, '\0', (size_t)size);
    if (zero)
        return yl__fail(YL_FORMAT, "%s: expected text, got a zero byte at byte %lld", path, (long long)(zero - text));
    char *end = text + size;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) text += 3; /* a byte-order mark */
    for (int line = 1; text < end; line++) {
        char *stop = memchr(text, '\n', (size_t)(end - text)), *next = stop ? stop + 1 : end;
        if (stop) *stop = '\0';
        YL_TRY(read_line(path, line, text, out));
        text = next;
    }
    if (out->lines & P2_BIT) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: expected a line 'P2: ...' with the colour camera's projection", path);
}

yl_status yl_calib_read(const char *path, yl_calib *out)
{
    char *text;
    int64_t size;
    *out = (yl_calib){0};
    YL_TRY(yl__file_read(path, &text, &size));
    yl_status status = size > LARGEST ? yl__fail(YL_FORMAT, "%s: expected a calibration of at most %d bytes, got %lld",
                                                 path, LARGEST, (long long)size)
                                      : yl_calib_parse(path, text, size, out);
    yl__free(text);
    return status;
}

/* ---- projection -------------------------------------------------------------------------------------------------- */

static const double near_plane = .1; /* metres before the camera */

/* Corner i of the box, in the camera's rectified frame: sizes h, w, l (metres), the middle of its bottom at `location`,
 * turned by rotation_y around y (down). With s = sin, c = cos of the turn and (a, b, d) the corner before it:
 * (c a + s d, b, -s a + c d) + location. Source: the development kit's computeBox3D.m. */
static void corner(const yl_label *t, int i, double out[3])
{
    double h = t->dims[0], w = t->dims[1], l = t->dims[2], s = sin(t->rotation_y), c = cos(t->rotation_y);
    double a = i & 1 ? l / 2 : -l / 2, b = i & 2 ? -h : 0, d = i & 4 ? w / 2 : -w / 2;
    out[0] = c * a + s * d + t->location[0];
    out[1] = b + t->location[1];
    out[2] = -s * a + c * d + t->location[2];
}

/* The pixel (u, v) of a point: p (x, y, z, 1)' = (u q, v q, q)'. */
static void include(const double p[12], const double x[3], yl_box *box)
{
    double q = p[8] * x[0] + p[9] * x[1] + p[10] * x[2] + p[11];
    double u = (p[0] * x[0] + p[1] * x[1] + p[2] * x[2] + p[3]) / q;
    double v = (p[4] * x[0] + p[5] * x[1] + p[6] * x[2] + p[7]) / q;
    *box = (yl_box){fmin(box->x1, u), fmin(box->y1, v), fmax(box->x2, u), fmax(box->y2, v)};
}

/* Where an edge that passes through the near plane cuts it. */
static void include_cut(const double p[12], const double a[3], const double b[3], yl_box *box)
{
    double t = (near_plane - a[2]) / (b[2] - a[2]),
           x[3] = {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), near_plane};
    include(p, x, box);
}

bool yl_calib_project(const double p[12], const yl_label *label, yl_box *out)
{
    double at[8][3];
    *out = (yl_box){INFINITY, INFINITY, -INFINITY, -INFINITY};
    if (!(label->dims[0] > 0 && label->dims[1] > 0 && label->dims[2] > 0)) return false;
    for (int i = 0; i < 8; i++) corner(label, i, at[i]);
    for (int i = 0; i < 8; i++) {
        if (at[i][2] >= near_plane) include(p, at[i], out);
        for (int bit = 1; bit < 8; bit <<= 1)
            if (!(i & bit) && (at[i][2] >= near_plane) != (at[i | bit][2] >= near_plane))
                include_cut(p, at[i], at[i | bit], out);
    }
    return isfinite(out->x1 + out->y1 + out->x2 + out->y2) && out->x2 > out->x1 && out->y2 > out->y1;
}
