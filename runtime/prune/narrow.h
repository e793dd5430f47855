/* The structure of a network that has lost groups of channels. */
#ifndef YL_PRUNE_NARROW_H
#define YL_PRUNE_NARROW_H

#include "prune/keep.h"

/* A new network of the remaining layers, with their names and the remaining widths, not finished. from[i] is the index of its layer i in
 * the old network (n_layers entries). */
yl_status yl__narrow(const yl_channel_graph *graph, const bool *kept, yl_net **out, int *from);
/* FLOPs (2 per multiply-add, for one image of {h, w}) and parameters of that network. */
yl_status yl__narrow_cost(const yl_channel_graph *graph, const bool *kept, int64_t h, int64_t w, int64_t *flops,
                          int64_t *params);

#endif
