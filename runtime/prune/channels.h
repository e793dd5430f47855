/* The channel graph: which channels of a network's activations can only be removed together.
 *
 * A node is one channel of one value: value 0 is the network's input, value v the output of layer v - 1. Layers say what their output
 * channels are computed from (yl_layer_kind.channels); this code knows no kind of layer. Nodes joined by EACH form a group: a filter,
 * the batch-norm and activation after it, the same channel of a layer that is added to it. Between groups are MIX layers, whose weights
 * can lose a row (an output channel) or a column (an input channel). A group is fixed if the position of one of its channels has a
 * meaning: in the network's input, a head, an output.
 *
 * Of the files about channels, each calls only those to its left: channels, constant, select, narrow, compact. */
#ifndef YL_PRUNE_CHANNELS_H
#define YL_PRUNE_CHANNELS_H

#include "net/net.h"

/* Properties common to all output channels of a layer. */
typedef struct yl_channel_layer {
    int64_t parts;
    bool uniform, mixes; /* mixes: output channels are rows of a parameter, which can be removed one by one */
    yl_zero_rule zero;
    int factor;  /* of layers that mix: the range with the weights of the input channels */
    int same_as; /* the input that the output equals because all others are zero; -1: none */
} yl_channel_layer;

typedef struct yl_channel_graph {
    const yl_net *net;
    yl_shape *shapes; /* of values, one image */
    int64_t *first;   /* the node of each value's channel 0; n_layers + 2 entries, of which the last is n_nodes */
    int64_t n_nodes;
    int64_t *source_first; /* n_nodes + 1: the index of a node's first source in `sources` */
    int64_t n_sources, source_capacity;
    yl_source *sources;
    yl_channel_layer *layers;
    int64_t *group; /* of each node; groups are numbered in the order of their first nodes */
    int64_t n_groups;
    bool *fixed; /* of each group */
} yl_channel_graph;

/* Builds the graph from the layers' answers. Free it with yl_channels_free, also after a failure. Errors: INVALID for an unfinished
 * network, or for an answer that does not fit, naming the layer. */
yl_status yl_channels_build(const yl_net *net, yl_channel_graph *out);
void yl_channels_free(yl_channel_graph *graph);
/* Computes the groups again after `same_as` of a layer has changed. */
yl_status yl__channels_join(yl_channel_graph *graph);

static inline int64_t yl__channel_count(const yl_channel_graph *g, int value)
{
    return g->first[value + 1] - g->first[value];
}

/* The node of channel c of a layer's input k. */
static inline int64_t yl__input_node(const yl_channel_graph *g, int layer, int k, int64_t c)
{
    return g->first[g->net->layers[layer].inputs[k] + 1] + c;
}

/* The range of the layer's first parameter of that role, or -1. */
int yl__role_range(const yl_net *net, int layer, yl_param_role role);

#endif
