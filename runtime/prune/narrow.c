/* The structure that is left: layers that an output still depends on, with fewer channels. */
#include "prune/narrow.h"
#include "core/memory.h"

#include <string.h>

typedef struct narrowing {
    const yl_channel_graph *g;
    const bool *kept;
    bool *needed;  /* of each layer */
    int *to;       /* the new index of each old layer */
    int *sections; /* the new number of each old section */
} narrowing;

static bool empty(const narrowing *n, int layer)
{
    return layer >= 0 && yl__keep_count(n->g, n->kept, layer + 1) == 0;
}

/* What a layer reads as input k: past layers that equal their own input. */
static int input_of(const narrowing *n, int layer, int k)
{
    const yl_layer *layers = n->g->net->layers;
    int input = layers[layer].inputs[k];
    while (input >= 0) {
        int same = n->g->layers[input].same_as;
        if (same < 0 && n->g->layers[input].zero == YL_ZERO_IN_SUM && yl_net_consumers(n->g->net, input) > 0) {
            int left = 0; /* a sum of which one term is left */
            for (int j = 0; j < layers[input].n_inputs; j++)
                if (!empty(n, layers[input].inputs[j])) left++, same = j;
            if (left != 1) same = -1;
        }
        if (same < 0) return input;
        input = layers[input].inputs[same];
    }
    return input;
}

static void find_needed(narrowing *n)
{
    const yl_net *net = n->g->net;
    for (int i = net->n_layers - 1; i >= 0; i--) {
        n->needed[i] |= yl_net_consumers(net, i) == 0;
        for (int k = 0; n->needed[i] && k < net->layers[i].n_inputs; k++) {
            int input = input_of(n, i, k);
            if (input >= 0 && !empty(n, input)) n->needed[input] = true;
        }
    }
}

/* Sections of a cfg are numbered one by one. */
static int section_of(narrowing *n, int section, int *count)
{
    if (section < 0) return -1;
    if (n->sections[section] < 0) n->sections[section] = (*count)++;
    return n->sections[section];
}

static yl_status add(narrowing *n, int layer, int n_inputs, const int *inputs, yl_net *out)
{
    const yl_layer *l = &n->g->net->layers[layer];
    void *options;
    YL_TRY(yl__calloc(1, l->kind->options_size, &options));
    memcpy(options, l->options, l->kind->options_size);
    if (l->kind->narrow)
        l->kind->narrow(l, yl__keep_count(n->g, n->kept, l->inputs[0] + 1), yl__keep_count(n->g, n->kept, layer + 1),
                        options);
    yl_status status = yl_net_add(out, l->kind, l->name, options, n_inputs, inputs, &n->to[layer]);
    yl__free(options);
    return status;
}

static yl_status add_layers(narrowing *n, yl_net *out, int *from)
{
    const yl_net *net = n->g->net;
    int sections = 0;
    for (int i = 0; i < net->n_layers; i++) {
        int inputs[YL_MAX_INPUTS], count = 0;
        if (!n->needed[i]) continue;
        for (int k = 0; k < net->layers[i].n_inputs; k++) {
            int input = input_of(n, i, k);
            if (!empty(n, input)) inputs[count++] = input < 0 ? -1 : n->to[input];
        }
        YL_TRY(add(n, i, count, inputs, out));
        out->layers[n->to[i]].section = section_of(n, net->layers[i].section, &sections);
        from[n->to[i]] = i;
    }
    return YL_OK;
}

static yl_status build(narrowing *n, yl_net *out, int *from)
{
    const yl_net *net = n->g->net;
    int most = 0;
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].section > most) most = net->layers[i].section;
    YL_TRY(yl__calloc(net->n_layers, sizeof *n->needed, &n->needed));
    YL_TRY(yl__calloc(net->n_layers, sizeof *n->to, &n->to));
    YL_TRY(yl__alloc(most + 1, sizeof *n->sections, &n->sections));
    for (int i = 0; i <= most; i++) n->sections[i] = -1;
    find_needed(n);
    YL_TRY(add_layers(n, out, from));
    return net->header ? yl__strdup(net->header, &out->header) : YL_OK;
}

yl_status yl__narrow(const yl_channel_graph *g, const bool *kept, yl_net **out, int *from)
{
    narrowing n = {.g = g, .kept = kept};
    yl_net *made;
    YL_TRY(yl_net_create(g->net->device, g->net->h, g->net->w, g->net->c, &made));
    yl_status status = build(&n, made, from);
    yl__free(n.needed);
    yl__free(n.to);
    yl__free(n.sections);
    if (status != YL_OK)
        yl_net_free(made);
    else
        *out = made;
    return status;
}

static yl_status count_params(const yl_net *net, int64_t *out)
{
    yl_shape *shapes, in[YL_MAX_INPUTS], input = {1, net->h, net->w, net->c};
    yl_param params[YL_MAX_PARAMS];
    YL_TRY(yl__alloc(net->n_layers + 1, sizeof *shapes, &shapes));
    yl_status status = yl_net_shapes(net, 1, net->h, net->w, shapes);
    *out = 0;
    for (int i = 0; i < net->n_layers && status == YL_OK; i++) {
        int count = 0;
        yl_net_inputs(net, i, shapes, input, in);
        if (net->layers[i].kind->params) status = net->layers[i].kind->params(&net->layers[i], in, params, &count);
        for (int k = 0; k < count && status == YL_OK; k++) *out += yl__product(params[k].n_dims, params[k].dims);
    }
    yl__free(shapes);
    return status;
}

yl_status yl__narrow_cost(const yl_channel_graph *g, const bool *kept, int64_t h, int64_t w, int64_t *flops,
                          int64_t *params)
{
    yl_net *net;
    int *from;
    YL_TRY(yl__alloc(g->net->n_layers, sizeof *from, &from));
    yl_status status = yl__narrow(g, kept, &net, from);
    yl__free(from);
    YL_TRY(status);
    status = yl_net_flops(net, 1, h, w, NULL, flops);
    if (status == YL_OK) status = count_params(net, params);
    yl_net_free(net);
    return status;
}
