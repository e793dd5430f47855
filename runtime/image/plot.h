/* Line plots: loss curves, precision over recall. Vector (.svg) or pixels (.png), by the path's ending. */
#ifndef YL_IMAGE_PLOT_H
#define YL_IMAGE_PLOT_H

#include "core/options.h"

typedef struct yl_series {
    const char *name;    /* in the legend; NULL: none */
    const double *x, *y; /* count values; a pair that is not finite breaks the line */
    int64_t count;
} yl_series;

typedef struct yl_plot {
    const char *title, *xlabel, *ylabel; /* NULL: none */
    yl_numbers xlim, ylim;               /* lowest, highest; none, or two that are equal: from the data */
    const yl_series *series;
    int64_t count;
} yl_plot;

extern const yl_field_table yl_plot_fields; /* without the series */

/* Writes the plot; the file is replaced as a whole. A plot without any finite pair has empty axes that say so.
 * Errors: INVALID (ending, limits), IO, MEMORY. */
yl_status yl_plot_write(const yl_plot *plot, const char *path);

#endif
