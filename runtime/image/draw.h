/* Boxes with labels on pictures, and sheets of pictures, through cairo. */
#ifndef YL_IMAGE_DRAW_H
#define YL_IMAGE_DRAW_H

#include "core/box.h"
#include "core/options.h"
#include "image/image.h"

/* What a box stands for. Colours are Okabe and Ito's, and dashes tell them apart where colours do not. */
#define YL_ROLES(X)                                                                                                    \
    X(found, "a detection of which no truth is known")                                                                 \
    X(truth, "a labelled object")                                                                                      \
    X(hit, "a detection that matches a truth")                                                                         \
    X(miss, "a truth that no detection matches")                                                                       \
    X(false_alarm, "a detection that matches no truth")                                                                \
    X(ignore, "a region in which nothing counts")

typedef enum yl_role {
#define X(name, meaning) YL_ROLE_##name,
    YL_ROLES(X)
#undef X
        YL_ROLE_COUNT
} yl_role;

typedef struct yl_mark {
    yl_box box;        /* pixels */
    const char *label; /* NULL: none */
    yl_role role;
    int32_t colour; /* 1, 2, ...: of that class in a palette of eight, instead of the role's; 0: the role's */
    double
        alpha; /* known (core/attributes.h): an arrow shows where the object heads, seen from above with the camera below */
} yl_mark;

extern const yl_field_table yl_mark_fields; /* label, role, colour, alpha */

/* Draws the marks onto the picture: the boxes in order, then their labels, placed where they hide no other label if possible. Lines
 * and text scale with the picture's width. Boxes may extend beyond the picture. Errors: MEMORY, INVALID for a box that is not finite. */
yl_status yl_image_draw(yl_image *image, const yl_mark *marks, int64_t count);

/* Scales the picture down to at most w x h pixels and keeps its aspect ratio; a smaller picture is copied. Errors: INVALID (sizes
 * below one pixel), MEMORY. */
yl_status yl_image_fit(const yl_image *image, int64_t w, int64_t h, yl_image *out);

/* A sheet of `count` pictures in `columns`, each scaled to fit a cell of cell_w x cell_h pixels, on white; `captions`, or single
 * captions, may be NULL. Errors: INVALID (no picture, sizes), MEMORY. */
yl_status yl_image_sheet(const yl_image *const *images, const char *const *captions, int64_t count, int64_t columns,
                         int64_t cell_w, int64_t cell_h, yl_image *out);

#endif
