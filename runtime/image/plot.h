/* Line plots: loss curves, precision over recall. Vector (.svg) or pixels (.png), by the path's ending. */
#ifndef YL_IMAGE_PLOT_H
#define YL_IMAGE_PLOT_H

#include "core/status.h"

typedef struct yl_series {
    const char *name;    /* in the legend; NULL: none */
    const double *x, *y; /* count values; a pair that is not finite breaks the line */
    int64_t count;
} yl_series;

typedef struct yl_plot {
    const char *title, *xlabel, *ylabel; /* NULL: none */
    double xlim[2], ylim[2];             /* equal: from the data */
    const yl_series *series;
    int64_t count;
} yl_plot;

/* Writes the plot; the file is replaced as a whole. A plot without any finite pair has empty axes that say so.
 * Errors: INVALID (ending, limits), IO, MEMORY. */
yl_status yl_plot_write(const yl_plot *plot, const char *path);

#endif
