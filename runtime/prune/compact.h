/* Compaction: a smaller network that computes the same.
 *
 * Zeros in a network (masked filters, scales, whole branches) make channels constant, or leave them unread. Compaction removes such
 * channels, as rows and columns of every slab, those of the optimizer included. A constant other than zero is folded into the bias or
 * batch-norm of the layer that reads it; if padding would make a difference at the border, one channel remains to carry the constants
 * of the others. Layers that have become empty, and sums with one term, are removed. */
#ifndef YL_PRUNE_COMPACT_H
#define YL_PRUNE_COMPACT_H

#include "core/options.h"
#include "net/net.h"

typedef struct yl_compact_options {
    int64_t round_to;     /* a layer that loses channels keeps a multiple of this; 0 or 1: any number */
    int64_t min_channels; /* and at least this many, or all that it has; 0 or 1: one */
} yl_compact_options;

extern const yl_field_table yl_compact_fields;

/* Makes the smaller network, finished, on the same device; `net` is unchanged. The input, outputs and heads keep their names and sizes;
 * counts of steps, frozen ranges and learning rates are kept. Errors: INVALID for an unfinished network, or for widths that exceed a
 * layer's, naming it; MEMORY. */
yl_status yl_net_compact(yl_net *net, const yl_compact_options *options, yl_net **out);

#endif
