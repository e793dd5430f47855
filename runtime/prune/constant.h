/* Channels that have the same value in every pixel of every image because of zeros: those of masked filters, those with a scale of zero,
 * and those computed from such channels only. */
#ifndef YL_PRUNE_CONSTANT_H
#define YL_PRUNE_CONSTANT_H

#include "prune/channels.h"

/* The slabs whose values plans use: "value", and "ema" if the network has it. A channel has to be constant in both. */
enum { YL__RUN_SLABS = 2 };

typedef struct yl__constants {
    int n_slabs;
    yl_slab *slab[YL__RUN_SLABS];
    float *numbers[YL__RUN_SLABS]; /* host copies */
    bool *constant;                /* of each node */
    float *at[YL__RUN_SLABS];      /* the value of each node that is constant */
    uint8_t **reads; /* of each layer that mixes, {out, in of one part}: some weight between them is not zero */
} yl__constants;

/* Reads the constants from the activations of one small picture. Free with yl__constants_free, also after a failure. */
yl_status yl__constants_find(yl_net *net, const yl_channel_graph *graph, yl__constants *out);
void yl__constants_free(const yl_channel_graph *graph, yl__constants *constants);

/* Whether the node is constant, and zero in every slab. */
static inline bool yl__is_zero(const yl__constants *k, int64_t node)
{
    bool zero = k->constant[node];
    for (int s = 0; s < k->n_slabs; s++) zero &= k->at[s][node] == 0;
    return zero;
}

/* Whether output channel o of a layer that mixes reads input channel c with a weight other than zero. */
static inline bool yl__reads(const yl_channel_graph *g, const yl__constants *k, int layer, int64_t o, int64_t c)
{
    int64_t parts = g->layers[layer].parts, in = yl__channel_count(g, g->net->layers[layer].inputs[0] + 1) / parts;
    int64_t out = yl__channel_count(g, layer + 1) / parts;
    return o / out == c / in && k->reads[layer][o * in + c % in];
}

#endif
