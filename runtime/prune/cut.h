/* Cutting channels by score: the groups with the lowest scores go until a target is reached. */
#ifndef YL_PRUNE_CUT_H
#define YL_PRUNE_CUT_H

#include "prune/channels.h"
#include "prune/compact.h"

/* What is asked for: one of the two; -1: not asked for. */
typedef struct yl_cut_options {
    int64_t zeros; /* at least so many weights lie in rows of channels that go */
    int64_t flops; /* at most so many FLOPs are left, of one image of {h, w} */
    int64_t h, w;  /* 0: the network's own size */
    yl_compact_options widths;
} yl_cut_options;

extern const yl_field_table yl_cut_fields; /* all but the widths */

typedef struct yl_cut_result {
    int64_t zeros;         /* weights in rows of channels that go */
    int64_t flops, params; /* of the network without them */
} yl_cut_result;

/* kept[group] for all groups: as few as possible go. `score[group]`: of two, the lower goes first, of equals the one with the smaller
 * number; +infinity: it stays, as fixed ones do. Errors: NUMERIC for NaN; INVALID for widths that a layer has not, and for a target that no
 * cut reaches, with the least that can be reached. */
yl_status yl_channels_cut(const yl_channel_graph *graph, const double *score, const yl_cut_options *options, bool *kept,
                          yl_cut_result *result);
/* What a choice of groups costs and frees. */
yl_status yl_channels_cost(const yl_channel_graph *graph, const bool *kept, int64_t h, int64_t w,
                           yl_cut_result *result);
/* Zeros in `mask` (of the range's count, otherwise untouched) the rows of channels that go. Returns whether there are any; a statistic, and a
 * parameter without rows, has none. */
bool yl_channels_mask(const yl_channel_graph *graph, const bool *kept, int range, uint8_t *mask);

#endif
