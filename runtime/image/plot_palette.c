/* The colours of the series, the same for every pen. */
#include "image/plot_pen.h"

const double yl__plot_palette[YL_PLOT_COLOURS][3] = {
    {0, .45, .70}, {.84, .37, 0}, {0, .62, .45}, {.80, .47, .65}, {.90, .62, 0}, {.34, .71, .91}, {.2, .2, .2},
};
