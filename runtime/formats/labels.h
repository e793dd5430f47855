/* Label files: KITTI's rows (label_2, and detections with a score), YOLO's rows, and split lists. Locale-free and
 * strict.
 *
 * Format of KITTI: the object development kit's readme. A row is fifteen blank-separated fields (type, truncated,
 * occluded, alpha, left, top, right, bottom, height, width, length, x, y, z, rotation_y), a detection has its score as
 * the sixteenth. Format of YOLO: `class cx cy w h`, class 0-based, the others fractions of the image's size; or, for a label,
 * `class x1 y1 x2 y2 x3 y3 ...`, a polygon, whose bounding box counts. */
#ifndef YL_FORMATS_LABELS_H
#define YL_FORMATS_LABELS_H

#include "core/label.h"
#include "core/options.h"

typedef struct yl_label_options {
    int64_t width, height;    /* of the image, pixels; 0: unknown, then no box is held against it and none is clipped */
    bool detections;          /* rows carry a score, and boxes are taken as they are */
    const char *const *names; /* known classes; KITTI: NULL takes any; YOLO: NULL leaves label.name "" */
    int64_t name_count;
} yl_label_options;

extern const yl_field_table yl_label_fields; /* without the names */

/* How many rows are of some kind, and the line of the first. */
typedef struct yl_label_count {
    int64_t count;
    int32_t line;
} yl_label_count;

typedef struct yl_labels {
    yl_label *rows;
    int64_t count, capacity;
    yl_label_count flat, polygons; /* boxes without area, which are no rows here; rows that were polygons */
    char *text;                    /* the file, cut into words: rows borrow their names from it */
} yl_labels;

/* All rows of a file, in file order; an empty file gives none. Class names compare case-insensitively.
 * An inverted labelled box is refused, and one that leaves the image by more than 2 % of its size; by less it is clipped.
 * One without area is left out and counted. No number may exceed 1e9, no class of YOLO without names 65535. Errors: IO; FORMAT with "path:line", what was expected and what was found. Release
 * with yl_labels_free, also after a failure. */
yl_status yl_labels_kitti(const char *path, const yl_label_options *options, yl_labels *out);
yl_status yl_labels_yolo(const char *path, const yl_label_options *options, yl_labels *out);
void yl_labels_free(yl_labels *labels);

/* The same from `size` bytes of `text` (NUL-terminated, from core/memory.h), which the list then owns, also on failure.
 */
yl_status yl_labels_parse_kitti(const char *path, char *text, int64_t size, const yl_label_options *options,
                                yl_labels *out);
yl_status yl_labels_parse_yolo(const char *path, char *text, int64_t size, const yl_label_options *options,
                               yl_labels *out);

/* A split file: one id or path a line, surrounding blanks and empty lines dropped. */
typedef struct yl_list {
    const char **items;
    int64_t count, capacity;
    char *text;
} yl_list;

/* Errors: IO; FORMAT for a list without items, or one that is not text. Release with yl_list_free, also after a
 * failure. */
yl_status yl_list_read(const char *path, yl_list *out);
void yl_list_free(yl_list *list);

#endif
