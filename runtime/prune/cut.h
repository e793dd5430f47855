/* Removes the groups of channels with the lowest scores until a target is reached. */
#ifndef YL_PRUNE_CUT_H
#define YL_PRUNE_CUT_H

#include "prune/channels.h"
#include "prune/compact.h"

/* The target, one of the first two; -1: not this one. */
typedef struct yl_cut_options {
    int64_t zeros; /* at least this many weights are in rows of removed channels */
    int64_t flops; /* at most this many FLOPs remain, for one image of {h, w} */
    int64_t h, w;  /* 0: the network's own size */
    yl_compact_options widths;
} yl_cut_options;

extern const yl_field_table yl_cut_fields; /* without the widths */

typedef struct yl_cut_result {
    int64_t zeros;         /* weights in rows of removed channels */
    int64_t flops, params; /* of the network without these channels */
} yl_cut_result;

/* Sets kept[group] for all groups; as few as possible are removed. The group with the lowest `score` is removed first, of equal ones that
 * with the lowest number; fixed groups, and those with a score of +infinity, stay. Errors: NUMERIC for NaN; INVALID for widths that
 * exceed a layer's, and for a target out of reach, saying what can be reached. */
yl_status yl_channels_cut(const yl_channel_graph *graph, const double *score, const yl_cut_options *options, bool *kept,
                          yl_cut_result *result);
/* Zeros, FLOPs and parameters for a choice of groups. */
yl_status yl_channels_cost(const yl_channel_graph *graph, const bool *kept, int64_t h, int64_t w,
                           yl_cut_result *result);
/* Zeroes the rows of removed channels in the range's `mask`, and changes nothing else. Returns whether there are any: statistics and
 * parameters without rows have none. */
bool yl_channels_mask(const yl_channel_graph *graph, const bool *kept, int range, uint8_t *mask);

#endif
