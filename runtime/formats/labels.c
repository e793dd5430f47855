/* Label files and split lists, read line by line: the text is cut in place, numbers go through the locale-free parser.
 */
#include "formats/labels.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <string.h>

enum { FIELDS = 16, SHOWN = 40 };

/* The share of the image's size by which a labelled box may leave it (rounding in the makers' tools). */
static const double slack = 0.02;

static const char *const kitti_fields[FIELDS] = {
    "type",   "truncated", "occluded", "alpha", "left", "top", "right",      "bottom",
    "height", "width",     "length",   "x",     "y",    "z",   "rotation_y", "score",
};
static const char *const yolo_fields[6] = {"class", "centre x", "centre y", "width", "height", "score"};

/* A file on its way through the parser. */
typedef struct reader {
    const char *path;
    char *next, *end; /* the text that is left */
    int32_t line;
    int64_t count; /* of the present line's fields; only the first FIELDS are kept */
    char *field[FIELDS];
} reader;

static yl_status open_reader(const char *path, char *text, int64_t size, reader *r)
{
    *r = (reader){.path = path, .next = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) r->next += 3; /* a byte-order mark */
    const char *zero = memchr(text, '\0', (size_t)size);
    if (!zero) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: expected text, got a zero byte at byte %lld", path, (long long)(zero - text));
}

/* Cuts the next line out of the text; NULL at the end. */
static char *next_line(reader *r)
{
    if (r->next >= r->end) return NULL;
    char *line = r->next, *stop = memchr(line, '\n', (size_t)(r->end - line));
    r->next = stop ? stop + 1 : r->end;
    if (stop) *stop = '\0';
    r->line++;
    return line;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static void cut_fields(reader *r, char *line)
{
    r->count = 0;
    for (char *p = line; *p;) {
        while (blank(*p)) *p++ = '\0';
        if (!*p) break;
        if (r->count < FIELDS) r->field[r->count] = p;
        r->count++;
        while (*p && !blank(*p)) p++;
    }
}

static yl_status read_number(const reader *r, const char *const *names, int i, double *out)
{
    if (yl__parse_number(r->field[i], out)) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%d: field %d (%s): expected a finite number, got '%.*s'", r->path, (int)r->line,
                    i + 1, names[i], SHOWN, r->field[i]);
}

static yl_status check_count(const reader *r, const char *kind, int64_t expected)
{
    if (r->count == expected) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%d: expected the %lld fields of a %s, got %lld", r->path, (int)r->line,
                    (long long)expected, kind, (long long)r->count);
}

static yl_status unknown_class(const reader *r, const yl_label_options *o, const char *name)
{
    const char *near = yl__nearest(name, o->names, o->name_count);
    if (near)
        return yl__fail(YL_FORMAT, "%s:%d: unknown class '%.*s', did you mean '%s'?", r->path, (int)r->line, SHOWN,
                        name, near);
    return yl__fail(YL_FORMAT, "%s:%d: unknown class '%.*s', expected one of the %lld known ones ('%s', ...)", r->path,
                    (int)r->line, SHOWN, name, (long long)o->name_count, o->name_count ? o->names[0] : "");
}

static yl_status find_class(const reader *r, const yl_label_options *o, yl_label *label)
{
    label->class_index = -1;
    if (!o->names) return YL_OK;
    for (int64_t i = 0; i < o->name_count; i++)
        if (yl__same_word(o->names[i], label->name)) {
            label->class_index = (int32_t)i;
            return YL_OK;
        }
    return unknown_class(r, o, label->name);
}

static double clip(double v, double limit)
{
    return v < 0 ? 0 : v > limit ? limit : v;
}

static yl_status check_extent(const reader *r, yl_box b, const char *what)
{
    if (b.x2 > b.x1 && b.y2 > b.y1) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%d: expected a box with left < right and top < bottom%s, got %g %g %g %g", r->path,
                    (int)r->line, what, b.x1, b.y1, b.x2, b.y2);
}

/* A label's box: of positive extent, and inside an image of known size but for a rounding, which is clipped. */
static yl_status check_box(const reader *r, double width, double height, yl_box *b)
{
    YL_TRY(check_extent(r, *b, ""));
    if (width <= 0 || height <= 0) return YL_OK;
    double sx = slack * width, sy = slack * height;
    if (b->x1 < -sx || b->y1 < -sy || b->x2 > width + sx || b->y2 > height + sy)
        return yl__fail(YL_FORMAT, "%s:%d: expected a box inside the image of %g x %g, got %g %g %g %g", r->path,
                        (int)r->line, width, height, b->x1, b->y1, b->x2, b->y2);
    *b = (yl_box){clip(b->x1, width), clip(b->y1, height), clip(b->x2, width), clip(b->y2, height)};
    return check_extent(r, *b, " inside the image");
}

/* ---- KITTI ------------------------------------------------------------------------------------------------------- */

static yl_status kitti_row(const reader *r, const yl_label_options *o, yl_label *label)
{
    double v[FIELDS] = {[15] = 1};
    int64_t fields = o->detections ? 16 : 15;
    YL_TRY(check_count(r, o->detections ? "KITTI detection row" : "KITTI label row", fields));
    for (int i = 1; i < fields; i++) YL_TRY(read_number(r, kitti_fields, i, &v[i]));
    *label = (yl_label){.name = r->field[0],
                        .line = r->line,
                        .truncated = v[1],
                        .occluded = v[2],
                        .alpha = v[3],
                        .box = {v[4], v[5], v[6], v[7]},
                        .dims = {v[8], v[9], v[10]},
                        .location = {v[11], v[12], v[13]},
                        .rotation_y = v[14],
                        .score = v[15]};
    YL_TRY(find_class(r, o, label));
    return o->detections ? YL_OK : check_box(r, (double)o->width, (double)o->height, &label->box);
}

/* ---- YOLO -------------------------------------------------------------------------------------------------------- */

static yl_status yolo_class(const reader *r, const yl_label_options *o, yl_label *label)
{
    int64_t index = -1, limit = o->names ? o->name_count : INT32_MAX;
    bool whole = yl__parse_integer(r->field[0], &index);
    if (!whole || index < 0 || index >= limit)
        return yl__fail(YL_FORMAT, "%s:%d: expected a class from 0 to %lld, got '%.*s'", r->path, (int)r->line,
                        (long long)limit - 1, SHOWN, r->field[0]);
    label->class_index = (int32_t)index;
    label->name = o->names ? o->names[index] : "";
    return YL_OK;
}

static yl_status yolo_row(const reader *r, const yl_label_options *o, yl_label *label)
{
    double v[6] = {[5] = 1}, width = o->width > 0 ? (double)o->width : 1,
           height = o->height > 0 ? (double)o->height : 1;
    int64_t fields = o->detections ? 6 : 5;
    YL_TRY(check_count(r, o->detections ? "YOLO detection row" : "YOLO label row", fields));
    *label = (yl_label){.line = r->line,
                        .truncated = -1,
                        .occluded = -1,
                        .alpha = -10,
                        .dims = {-1, -1, -1},
                        .location = {-1000, -1000, -1000},
                        .rotation_y = -10};
    YL_TRY(yolo_class(r, o, label));
    for (int i = 1; i < fields; i++) YL_TRY(read_number(r, yolo_fields, i, &v[i]));
    label->score = v[5];
    label->box = (yl_box){(v[1] - v[3] / 2) * width, (v[2] - v[4] / 2) * height, (v[1] + v[3] / 2) * width,
                          (v[2] + v[4] / 2) * height};
    return o->detections ? YL_OK : check_box(r, width, height, &label->box);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

typedef yl_status (*row_parser)(const reader *r, const yl_label_options *o, yl_label *label);

static yl_status parse(const char *path, char *text, int64_t size, const yl_label_options *o, row_parser parse_row,
                       yl_labels *out)
{
    reader r;
    *out = (yl_labels){.text = text};
    YL_TRY(open_reader(path, text, size, &r));
    for (char *line; (line = next_line(&r));) {
        cut_fields(&r, line);
        if (!r.count) continue;
        YL_TRY(yl__reserve(out->count + 1, &out->capacity, sizeof *out->rows, &out->rows));
        YL_TRY(parse_row(&r, o, &out->rows[out->count]));
        out->count++;
    }
    return YL_OK;
}

static yl_status read_labels(const char *path, const yl_label_options *o, row_parser parse_row, yl_labels *out)
{
    char *text;
    int64_t size;
    *out = (yl_labels){0};
    YL_TRY(yl__file_read(path, &text, &size));
    return parse(path, text, size, o, parse_row, out);
}

yl_status yl_labels_kitti(const char *path, const yl_label_options *options, yl_labels *out)
{
    return read_labels(path, options, kitti_row, out);
}

yl_status yl_labels_yolo(const char *path, const yl_label_options *options, yl_labels *out)
{
    return read_labels(path, options, yolo_row, out);
}

yl_status yl_labels_parse_kitti(const char *path, char *text, int64_t size, const yl_label_options *options,
                                yl_labels *out)
{
    return parse(path, text, size, options, kitti_row, out);
}

yl_status yl_labels_parse_yolo(const char *path, char *text, int64_t size, const yl_label_options *options,
                               yl_labels *out)
{
    return parse(path, text, size, options, yolo_row, out);
}

void yl_labels_free(yl_labels *labels)
{
    yl__free(labels->rows);
    yl__free(labels->text);
    *labels = (yl_labels){0};
}

/* ---- split lists ------------------------------------------------------------------------------------------------- */

static char *trim(char *line)
{
    while (blank(*line)) line++;
    for (char *end = line + strlen(line); end > line && blank(end[-1]);) *--end = '\0';
    return line;
}

yl_status yl_list_read(const char *path, yl_list *out)
{
    reader r;
    int64_t size;
    *out = (yl_list){0};
    YL_TRY(yl__file_read(path, &out->text, &size));
    YL_TRY(open_reader(path, out->text, size, &r));
    for (char *line; (line = next_line(&r));) {
        char *item = trim(line);
        if (!*item) continue;
        YL_TRY(yl__reserve(out->count + 1, &out->capacity, sizeof *out->items, &out->items));
        out->items[out->count++] = item;
    }
    if (out->count) return YL_OK;
    return yl__fail(YL_FORMAT, "%s: expected one id or path a line, got an empty list", path);
}

void yl_list_free(yl_list *list)
{
    yl__free(list->items);
    yl__free(list->text);
    *list = (yl_list){0};
}
