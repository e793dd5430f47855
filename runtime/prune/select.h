/* Masks the numbers with the lowest scores, exactly as many as asked for. */
#ifndef YL_PRUNE_SELECT_H
#define YL_PRUNE_SELECT_H

#include "core/status.h"

/* The candidates of one parameter. A number with a score of +infinity is never masked. */
typedef struct yl_prune_part {
    const char *name; /* for error messages */
    int64_t count;
    const float *score; /* the lowest are masked first */
    uint8_t *mask;      /* 0: masked already; 1: a candidate, which becomes 0 if it is masked */
} yl_prune_part;

/* Masks candidates, lowest scores first and equal scores in order, until `zeros` of the parts' numbers are masked. Errors, which leave the
 * masks unchanged: NUMERIC for a NaN score; INVALID if more are masked already, or too few can be. */
yl_status yl_prune_select(int n_parts, const yl_prune_part *parts, int64_t zeros, int threads);

#endif
