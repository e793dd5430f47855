/* The gradients of a step, summed over ranks and over the parts of a batch.
 *
 * Each backward pass of a network that shares leaves its gradient to a thread, layer by layer as they are done (in buckets), so that
 * summing overlaps with the rest of the pass and the next forward pass. yl_share_gather then waits and puts the sum into the grad slab. A
 * sum goes in the order of the passes, and of the ranks within each: with passes of equal size its bits do not depend on how many ranks
 * share them. Running statistics that are not frozen become the mean over the ranks. */
#ifndef YL_NET_SHARE_H
#define YL_NET_SHARE_H

#include "core/options.h"
#include "net/net.h"

typedef struct yl_share yl_share;

typedef struct yl_share_options {
    int64_t passes; /* backward passes of each rank in a step */
    bool sync;      /* batch-norm uses the statistics of all ranks' images in training */
    /* Every pass starts from the step's running statistics, and the mean over all passes becomes the new ones. Else a rank's passes move
     * them in turn, and the mean over the ranks counts. */
    bool each;
} yl_share_options;

extern const yl_field_table yl_share_fields;

/* From now on the network's backward passes leave their gradients here, until yl_share_free; alone, only the order of sums is as said.
 * Keeps the network alive. Errors: INVALID for one that shares already; MEMORY. */
yl_status yl_share_create(yl_net *net, const yl_share_options *options, yl_share **out);
/* What was not gathered is lost. NULL is fine. */
void yl_share_free(yl_share *share);
/* After the step's last backward pass: the sums are in the grad slab of every rank. Errors: INVALID after another number of passes; what failed
 * while gradients were sent. */
yl_status yl_share_gather(yl_share *share);
/* Forgets the passes of a step that was broken off. */
void yl_share_forget(yl_share *share);

/* For plans (run.c): a training pass is about to run forward; backward begins; the layers down to `layer` have their gradients; all of them
 * have. */
yl_status yl__share_forward(yl_net *net);
struct yl_comm *yl__share_sync(const yl_net *net); /* the ranks whose statistics are one; NULL: each has its own */
yl_status yl__share_begin(yl_net *net);
yl_status yl__share_layer(yl_net *net, int layer);
yl_status yl__share_end(yl_net *net);

#endif
