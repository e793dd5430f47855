/* Compaction: a smaller network that computes the same.
 *
 * What is zero in a network (masked filters, scales, whole branches) makes channels constant, or read by nobody. Such channels are left
 * out: rows and columns of every slab, the optimizer's included. A constant that is not zero moves on into the bias or the batch-norm
 * of the layer that read it; where a border would show the difference, one channel stays and carries the constants of the others.
 * Layers of which nothing is left, and sums of one term, go. */
#ifndef YL_PRUNE_COMPACT_H
#define YL_PRUNE_COMPACT_H

#include "core/options.h"
#include "net/net.h"

typedef struct yl_compact_options {
    int64_t round_to;     /* a layer that loses channels keeps a multiple of it; 0 or 1: any number */
    int64_t min_channels; /* and at least so many (or all that it has); 0 or 1: one */
} yl_compact_options;

extern const yl_field_table yl_compact_fields;

/* The smaller network in *out, finished, on the same device; `net` keeps its own. Outputs, and heads, keep their names and sizes, and so do
 * the input and the counts of steps, frozen ranges and rates. Errors: INVALID for an unfinished network or widths that a layer has
 * not, naming it; MEMORY. */
yl_status yl_net_compact(yl_net *net, const yl_compact_options *options, yl_net **out);

#endif
