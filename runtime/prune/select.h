/* Which numbers a network loses: of all candidates those with the smallest scores, exactly as many as asked for.
 *
 * Calls between the files of this folder go to the left: select, lamp, pattern. */
#ifndef YL_PRUNE_SELECT_H
#define YL_PRUNE_SELECT_H

#include "core/status.h"

/* The candidates of one parameter. A score of +infinity says that the number stays whatever happens. */
typedef struct yl_prune_part {
    const char *name; /* for sentences */
    int64_t count;
    const float *score; /* larger is more worth keeping */
    uint8_t *mask;      /* 0: masked already, whatever its score; 1: a candidate. Numbers that are selected become 0 */
} yl_prune_part;

/* Masks candidates until `zeros` of the parts' numbers are masked, the smallest scores first and equal scores in the order of the
 * parts and their numbers. Errors, with the masks as they were: NUMERIC for a score that is NaN, INVALID where more are masked
 * already, or fewer numbers may go. */
yl_status yl_prune_select(int n_parts, const yl_prune_part *parts, int64_t zeros, int threads);

#endif
