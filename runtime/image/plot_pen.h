/* What a plot asks of the thing that it is drawn with: lines, words and curves in pixels of a WIDTH x HEIGHT sheet. One pen
 * writes SVG, with words as words; another paints pixels through cairo. */
#ifndef YL_IMAGE_PLOT_PEN_H
#define YL_IMAGE_PLOT_PEN_H

#include "core/text.h"

typedef enum yl_ink { YL_INK_PAPER, YL_INK_GRID, YL_INK_AXIS, YL_INK_SOFT, YL_INK_STRONG } yl_ink;

typedef struct yl_word {
    const char *text;
    double x, y;   /* baseline */
    double align;  /* 0: starts at x, .5: centred, 1: ends at x */
    double size;   /* pixels */
    bool bold, up; /* up: turned by a quarter, read from below */
    yl_ink ink;
} yl_word;

typedef struct yl_curve {
    const double *xy; /* count pairs */
    int64_t count, series;
    bool dots; /* a dot at every pair; a curve of one pair is a dot in any case */
} yl_curve;

enum { YL_PLOT_COLOURS = 7 };
/* Okabe and Ito's colours; the eighth series starts over with dashes. */
extern const double yl__plot_palette[YL_PLOT_COLOURS][3];

typedef struct yl_pen yl_pen;
struct yl_pen {
    void (*line)(yl_pen *pen, double x1, double y1, double x2, double y2, yl_ink ink);
    void (*word)(yl_pen *pen, const yl_word *word);
    void (*clip)(yl_pen *pen, double x, double y, double w, double h); /* w < 0: no longer */
    void (*curve)(yl_pen *pen, const yl_curve *curve);
    yl_status (*finish)(yl_pen *pen, yl_text *out); /* the file's bytes; the pen is gone, also after a failure */
    yl_status status;                               /* of the first thing that went wrong */
};

/* Errors: MEMORY. */
yl_status yl__pen_svg(const char *title, int width, int height, yl_pen **out);
yl_status yl__pen_pixels(int width, int height, yl_pen **out);

#endif
