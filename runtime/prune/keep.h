/* Which groups of channels stay in a network that is made smaller. */
#ifndef YL_PRUNE_KEEP_H
#define YL_PRUNE_KEEP_H

#include "prune/constant.h"

typedef struct yl__widths {
    int64_t round_to, min_channels; /* of layers that mix and stay; both at least 1 */
} yl__widths;

/* Errors: INVALID where round_to is more than a layer's channels, naming it. */
yl_status yl__widths_check(const yl_channel_graph *graph, const yl__widths *widths);
/* Layers that add nothing become `same_as` what they would add to, and the graph is joined anew. */
yl_status yl__keep_sums(yl_channel_graph *graph, const yl__constants *constants);
/* kept[group]: the groups whose channels the outputs depend on, and those that have to stay with them: one channel at least where a
 * layer needs an input, constants that cannot be folded elsewhere, and what the widths ask for. */
void yl__keep_needed(const yl_channel_graph *graph, const yl__constants *constants, const yl__widths *widths,
                     bool *kept);
/* Keeps more groups until every layer that mixes and stays has the widths; of several, the group with the highest score, or the first
 * where `score` is NULL. Returns whether anything changed. */
bool yl__keep_widths(const yl_channel_graph *graph, const yl__widths *widths, const double *score, bool *kept);
/* Channels of a value that stay. */
int64_t yl__keep_count(const yl_channel_graph *graph, const bool *kept, int value);

/* Where a constant that a layer's output channels lose can go: +1, added to `range`, the layer's own; -1, subtracted from `range`, of
 * the only layer that reads it; 0: nowhere. */
int yl__offset_of(const yl_channel_graph *graph, int layer, int *range);
/* The input's channel of that part (0-based) that carries the constants of those that go, for a layer whose offset cannot take them:
 * the one that stays with the largest constant in that slab; -1 where none does. */
int64_t yl__carrier(const yl_channel_graph *graph, const yl__constants *constants, const bool *kept, int layer,
                    int64_t part, int slab);

#endif
