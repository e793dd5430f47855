/* Label files and split lists, read line by line: the text is cut in place, numbers go through the locale-free parser.
 */
#include "formats/labels.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

#include <math.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_label_options, member)
static const yl_field option_fields[] = {
    {"width", YL_OPTION_INT, "0", "px", "width of the image; 0: unknown", 0, INFINITY, NULL, NULL, AT(width)},
    {"height", YL_OPTION_INT, "0", "px", "height of the image; 0: unknown", 0, INFINITY, NULL, NULL, AT(height)},
    {"dets", YL_OPTION_BOOL, "false", "", "rows are detections, with a score", 0, 0, NULL, NULL, AT(detections)},
};
const yl_field_table yl_label_fields = YL_FIELD_TABLE("labels", option_fields);

enum { FIELDS = 16, SHOWN = 40, UNNAMED_CLASSES = 65536 };

/* The share of the image's size by which a labelled box may leave it (rounding in the makers' tools). */
static const double slack = 0.02;

/* No number of a label is larger; what is computed from them stays finite. */
static const double largest = 1e9;
/* Nor is a path of a list longer, in bytes. */
static const size_t longest = 4096;

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
    char **field; /* of the present line */
    int64_t count, capacity;
    bool flat, polygon; /* whether the present line is a box without area; whether it is a polygon */
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

static yl_status cut_fields(reader *r, char *line)
{
    r->count = 0;
    r->flat = r->polygon = false;
    for (char *p = line; *p;) {
        while (blank(*p)) *p++ = '\0';
        if (!*p) break;
        YL_TRY(yl__reserve(r->count + 1, &r->capacity, sizeof *r->field, &r->field));
        r->field[r->count++] = p;
        while (*p && !blank(*p)) p++;
    }
    return YL_OK;
}

static yl_status read_number(const reader *r, const char *name, int64_t i, double *out)
{
    if (!yl__parse_number(r->field[i], out))
        return yl__fail(YL_FORMAT, "%s:%d: field %lld (%s): expected a finite number, got '%.*s'", r->path,
                        (int)r->line, (long long)i + 1, name, SHOWN, r->field[i]);
    if (*out >= -largest && *out <= largest) return YL_OK;
    return yl__fail(YL_FORMAT, "%s:%d: field %lld (%s): expected a number from -1e9 to 1e9, got '%.*s'", r->path,
                    (int)r->line, (long long)i + 1, name, SHOWN, r->field[i]);
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

/* A label's box: not inverted, and inside an image of known size but for a rounding, which is clipped. Notes in the reader
 * whether it has no area. */
static yl_status check_box(reader *r, double width, double height, yl_box *b)
{
    if (b->x2 < b->x1 || b->y2 < b->y1)
        return yl__fail(YL_FORMAT, "%s:%d: expected a box with left < right and top < bottom, got %g %g %g %g", r->path,
                        (int)r->line, b->x1, b->y1, b->x2, b->y2);
    r->flat = b->x2 == b->x1 || b->y2 == b->y1;
    if (r->flat || width <= 0 || height <= 0) return YL_OK;
    double sx = slack * width, sy = slack * height;
    if (b->x1 < -sx || b->y1 < -sy || b->x2 > width + sx || b->y2 > height + sy)
        return yl__fail(YL_FORMAT, "%s:%d: expected a box inside the image of %g x %g, got %g %g %g %g", r->path,
                        (int)r->line, width, height, b->x1, b->y1, b->x2, b->y2);
    *b = (yl_box){clip(b->x1, width), clip(b->y1, height), clip(b->x2, width), clip(b->y2, height)};
    r->flat = b->x2 <= b->x1 || b->y2 <= b->y1; /* all of it was rounding */
    return YL_OK;
}

/* ---- KITTI ------------------------------------------------------------------------------------------------------- */

static yl_status kitti_row(reader *r, const yl_label_options *o, yl_label *label)
{
    double v[FIELDS] = {[15] = 1};
    int64_t fields = o->detections ? 16 : 15;
    YL_TRY(check_count(r, o->detections ? "KITTI detection row" : "KITTI label row", fields));
    for (int i = 1; i < fields; i++) YL_TRY(read_number(r, kitti_fields[i], i, &v[i]));
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

/* The class's number, which some tools write as "3.0". */
static yl_status yolo_class(const reader *r, const yl_label_options *o, yl_label *label)
{
    double index = -1, limit = o->names ? (double)o->name_count : UNNAMED_CLASSES;
    bool read = yl__parse_number(r->field[0], &index);
    if (!read || index < 0 || index >= limit || index != (double)(int32_t)index)
        return yl__fail(YL_FORMAT, "%s:%d: expected a class from 0 to %.0f, got '%.*s'", r->path, (int)r->line,
                        limit - 1, SHOWN, r->field[0]);
    label->class_index = (int32_t)index;
    label->name = o->names ? o->names[label->class_index] : "";
    return YL_OK;
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

static double most(double a, double b)
{
    return a > b ? a : b;
}

/* The bounding box of `class x1 y1 x2 y2 x3 y3 ...`, shares of the image's size. */
static yl_status read_polygon(reader *r, yl_box *out)
{
    *out = (yl_box){largest, largest, -largest, -largest};
    for (int64_t i = 1; i + 1 < r->count; i += 2) {
        double x, y;
        YL_TRY(read_number(r, "x of a polygon", i, &x));
        YL_TRY(read_number(r, "y of a polygon", i + 1, &y));
        *out = (yl_box){least(out->x1, x), least(out->y1, y), most(out->x2, x), most(out->y2, y)};
    }
    r->polygon = true;
    return YL_OK;
}

static yl_status read_centred(const reader *r, int64_t fields, double *score, yl_box *out)
{
    double v[6] = {[5] = 1};
    YL_TRY(check_count(r, fields == 6 ? "YOLO detection row" : "YOLO label row", fields));
    for (int i = 1; i < fields; i++) YL_TRY(read_number(r, yolo_fields[i], i, &v[i]));
    *score = v[5];
    *out = (yl_box){v[1] - v[3] / 2, v[2] - v[4] / 2, v[1] + v[3] / 2, v[2] + v[4] / 2};
    return YL_OK;
}

static yl_status yolo_row(reader *r, const yl_label_options *o, yl_label *label)
{
    double width = o->width > 0 ? (double)o->width : 1, height = o->height > 0 ? (double)o->height : 1;
    yl_box b;
    *label = (yl_label){.line = r->line,
                        .truncated = -1,
                        .occluded = -1,
                        .alpha = -10,
                        .dims = {-1, -1, -1},
                        .location = {-1000, -1000, -1000},
                        .rotation_y = -10,
                        .score = 1};
    YL_TRY(yolo_class(r, o, label));
    if (!o->detections && r->count >= 7 && r->count % 2)
        YL_TRY(read_polygon(r, &b));
    else
        YL_TRY(read_centred(r, o->detections ? 6 : 5, &label->score, &b));
    label->box = (yl_box){b.x1 * width, b.y1 * height, b.x2 * width, b.y2 * height};
    return o->detections ? YL_OK : check_box(r, width, height, &label->box);
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

typedef yl_status (*row_parser)(reader *r, const yl_label_options *o, yl_label *label);

static void count(const reader *r, yl_label_count *out)
{
    if (!out->count++) out->line = r->line;
}

static yl_status parse_line(reader *r, char *line, const yl_label_options *o, row_parser parse_row, yl_labels *out)
{
    YL_TRY(cut_fields(r, line));
    if (!r->count) return YL_OK;
    YL_TRY(yl__reserve(out->count + 1, &out->capacity, sizeof *out->rows, &out->rows));
    YL_TRY(parse_row(r, o, &out->rows[out->count]));
    if (r->polygon) count(r, &out->polygons);
    if (r->flat)
        count(r, &out->flat);
    else
        out->count++;
    return YL_OK;
}

static yl_status parse(const char *path, char *text, int64_t size, const yl_label_options *o, row_parser parse_row,
                       yl_labels *out)
{
    reader r;
    *out = (yl_labels){.text = text};
    yl_status status = open_reader(path, text, size, &r);
    for (char *line; status == YL_OK && (line = next_line(&r));) status = parse_line(&r, line, o, parse_row, out);
    yl__free(r.field);
    return status;
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
        if (strlen(item) > longest)
            return yl__fail(YL_FORMAT, "%s:%d: expected an id or path of at most %d bytes, got %zu", path, (int)r.line,
                            (int)longest, strlen(item));
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
