/* Which groups of channels remain in a smaller network. */
#ifndef YL_PRUNE_KEEP_H
#define YL_PRUNE_KEEP_H

#include "prune/constant.h"

typedef struct yl__widths {
    int64_t round_to, min_channels; /* of layers that mix and remain; both at least 1 */
} yl__widths;

/* Errors: INVALID if round_to exceeds a layer's channels, naming it. */
yl_status yl__widths_check(const yl_channel_graph *graph, const yl__widths *widths);
/* Sets `same_as` of sums of which all terms but one are zero, and computes the groups again. */
yl_status yl__keep_sums(yl_channel_graph *graph, const yl__constants *constants);
/* Sets kept[group] for the groups on which the outputs depend, and for others that have to remain: one channel at least as a layer's input,
 * constants that cannot be folded, and what the widths require. */
void yl__keep_needed(const yl_channel_graph *graph, const yl__constants *constants, const yl__widths *widths,
                     bool *kept);
/* Keeps more groups until all layers that mix and remain have the widths. Prefers groups with the highest score, or the first ones if
 * `score` is NULL. Returns whether anything changed. */
bool yl__keep_widths(const yl_channel_graph *graph, const yl__widths *widths, const double *score, bool *kept);
/* How many channels of a value remain. */
int64_t yl__keep_count(const yl_channel_graph *graph, const bool *kept, int value);

/* Where constants that a layer's output channels lose can be folded. +1: added to `range`, a parameter of the layer; -1: subtracted from
 * `range`, a parameter of the only layer that reads the output; 0: nowhere. */
int yl__offset_of(const yl_channel_graph *graph, int layer, int *range);
/* The input channel of that part (0-based) that carries the constants of the removed ones, for a layer that cannot fold them: of the
 * remaining channels, the one with the largest constant in that slab; -1 if none is constant. */
int64_t yl__carrier(const yl_channel_graph *graph, const yl__constants *constants, const bool *kept, int layer,
                    int64_t part, int slab);

#endif
