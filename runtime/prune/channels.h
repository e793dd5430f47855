/* The channel graph: which channels of a network's activations stay or go together.
 *
 * A node is one channel of one value (value 0 is the network's input, value v the output of layer v - 1). Layers answer what their
 * output channels are made of (yl_layer_kind.channels); nothing here knows a kind of layer. Nodes that are joined by EACH form a
 * group: a filter, the batch-norm and activation behind it, the same channel of a layer that is added to it. Between groups lie MIX
 * layers, whose weights can lose a row (their output's channel) or a column (their input's). A group is fixed where one of its
 * channels has a place that means something: the network's input, a head, an output.
 *
 * Calls between the files of this folder about channels go to the left: channels, constant, select, narrow, compact. */
#ifndef YL_PRUNE_CHANNELS_H
#define YL_PRUNE_CHANNELS_H

#include "net/net.h"

/* What holds for all output channels of a layer. */
typedef struct yl_channel_layer {
    int64_t parts;
    bool uniform, mixes; /* mixes: the output's channels are rows of a parameter, each of which can go */
    yl_zero_rule zero;
    int factor;  /* of layers that mix: the range that weights the input's channels */
    int same_as; /* the input that this layer's output equals, since the others are zero everywhere; -1: none */
} yl_channel_layer;

typedef struct yl_channel_graph {
    const yl_net *net;
    yl_shape *shapes; /* of values, one image */
    int64_t *first;   /* node of channel 0 of each value; n_layers + 2 entries, the last is n_nodes */
    int64_t n_nodes;
    int64_t *source_first; /* n_nodes + 1: where a node's sources begin in `sources` */
    int64_t n_sources, source_capacity;
    yl_source *sources;
    yl_channel_layer *layers;
    int64_t *group; /* of each node, by order of their first nodes; valid after yl__channels_join */
    int64_t n_groups;
    bool *fixed; /* of each group */
} yl_channel_graph;

/* Asks every layer and joins. Release with yl_channels_free, also after a failure. Errors: INVALID for an unfinished network, or an
 * answer that does not fit, naming the layer. */
yl_status yl_channels_build(const yl_net *net, yl_channel_graph *out);
void yl_channels_free(yl_channel_graph *graph);
/* Joins anew, after `same_as` of a layer has changed. */
yl_status yl__channels_join(yl_channel_graph *graph);

static inline int64_t yl__channel_count(const yl_channel_graph *g, int value)
{
    return g->first[value + 1] - g->first[value];
}

/* The node that channel c of input k of a layer is. */
static inline int64_t yl__input_node(const yl_channel_graph *g, int layer, int k, int64_t c)
{
    return g->first[g->net->layers[layer].inputs[k] + 1] + c;
}

/* The layer's first parameter of that role; -1 where it has none. */
int yl__role_range(const yl_net *net, int layer, yl_param_role role);

#endif
