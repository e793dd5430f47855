/* The clock by which work is timed. */
#ifndef YL_CORE_CLOCK_H
#define YL_CORE_CLOCK_H

/* Seconds since some moment; never goes back. */
double yl__now(void);

#endif
