/* The channel graph: layers' answers collected, and joined into groups. */
#include "prune/channels.h"
#include "core/memory.h"

int yl__role_range(const yl_net *net, int layer, yl_param_role role)
{
    const yl_layer *l = &net->layers[layer];
    for (int k = 0; k < l->n_params; k++)
        if (net->ranges[l->params[k]].role == role) return l->params[k];
    return -1;
}

/* ---- collecting ---- */

static yl_status ask(const yl_layer *l, const yl_shape *in, yl_shape out, int64_t channel, yl_channels *answer)
{
    *answer = (yl_channels){.parts = 1};
    if (l->kind->channels) return l->kind->channels(l, in, out, channel, answer);
    for (int k = 0; k < l->n_inputs; k++) answer->at[answer->n++] = (yl_source){k, 0, in[k].c, YL_USE_WHOLE};
    return YL_OK;
}

static yl_status check(const yl_layer *l, const yl_shape *in, yl_shape out, int64_t channel, const yl_channels *a)
{
    for (int i = 0; i < a->n; i++) {
        const yl_source *s = &a->at[i];
        if (s->input < 0 || s->input >= l->n_inputs || s->first < 0 || s->count < 1 ||
            s->first + s->count > in[s->input].c)
            return yl__fail(YL_INVALID, "%s: output channel %lld: its channels %lld..%lld of input %d do not exist",
                            l->name, (long long)channel + 1, (long long)s->first + 1, (long long)(s->first + s->count),
                            s->input + 1);
        if (a->parts < 1 || in[s->input].c % a->parts || (s->use == YL_USE_MIX && out.c % a->parts))
            return yl__fail(YL_INVALID, "%s: %lld parts do not divide its channels", l->name, (long long)a->parts);
    }
    return YL_OK;
}

/* The dims of the parameter that MIX means: {out, ..., in, once or several times over}. */
static yl_status check_factor(const yl_net *net, const yl_layer *l, const yl_shape *in, yl_shape out, int factor,
                              int64_t parts)
{
    const yl_range *r = factor < 0 ? NULL : &net->ranges[factor];
    if (r && r->per_out && r->per_in && r->dims[0] == out.c && r->dims[r->n_dims - 1] % (in[0].c / parts) == 0)
        return YL_OK;
    return yl__fail(YL_INVALID,
                    "%s: it mixes channels, so it needs a parameter that is a factor, with the output's %lld channels "
                    "as the first size and the input's %lld as the last",
                    l->name, (long long)out.c, (long long)(in[0].c / parts));
}

static yl_status collect_channel(yl_channel_graph *g, int layer, const yl_shape *in, yl_shape out, int64_t channel)
{
    const yl_layer *l = &g->net->layers[layer];
    yl_channel_layer *about = &g->layers[layer];
    yl_channels a;
    YL_TRY(ask(l, in, out, channel, &a));
    YL_TRY(check(l, in, out, channel, &a));
    YL_TRY(yl__reserve(g->n_sources + a.n, &g->source_capacity, sizeof *g->sources, &g->sources));
    for (int i = 0; i < a.n; i++) {
        g->sources[g->n_sources++] = a.at[i];
        about->mixes |= a.at[i].use == YL_USE_MIX;
    }
    g->source_first[g->first[layer + 1] + channel + 1] = g->n_sources;
    about->parts = a.parts;
    about->uniform = a.uniform;
    about->zero = a.zero;
    return YL_OK;
}

static yl_status collect_layer(yl_channel_graph *g, int layer)
{
    const yl_net *net = g->net;
    yl_shape in[YL_MAX_INPUTS], out = g->shapes[layer + 1];
    yl_net_inputs(net, layer, g->shapes + 1, g->shapes[0], in);
    g->layers[layer] = (yl_channel_layer){.parts = 1, .same_as = -1};
    for (int64_t c = 0; c < out.c; c++) YL_TRY(collect_channel(g, layer, in, out, c));
    yl_channel_layer *about = &g->layers[layer];
    about->factor = yl__role_range(net, layer, YL_ROLE_FACTOR);
    return about->mixes ? check_factor(net, &net->layers[layer], in, out, about->factor, about->parts) : YL_OK;
}

static yl_status collect(yl_channel_graph *g)
{
    const yl_net *net = g->net;
    int n = net->n_layers;
    YL_TRY(yl__alloc(n + 1, sizeof *g->shapes, &g->shapes));
    YL_TRY(yl__calloc(n, sizeof *g->layers, &g->layers));
    YL_TRY(yl__calloc(n + 2, sizeof *g->first, &g->first));
    g->shapes[0] = (yl_shape){1, net->h, net->w, net->c};
    YL_TRY(yl_net_shapes(net, 1, net->h, net->w, g->shapes + 1));
    for (int v = 0; v <= n; v++) g->first[v + 1] = g->first[v] + g->shapes[v].c;
    g->n_nodes = g->first[n + 1];
    YL_TRY(yl__calloc(g->n_nodes + 1, sizeof *g->source_first, &g->source_first));
    YL_TRY(yl__calloc(g->n_nodes, sizeof *g->group, &g->group));
    YL_TRY(yl__calloc(g->n_nodes, sizeof *g->fixed, &g->fixed));
    for (int i = 0; i < n; i++) YL_TRY(collect_layer(g, i));
    return YL_OK;
}

/* ---- joining: union-find, the root of a group is its first node ---- */

static int64_t root(int64_t *group, int64_t node)
{
    while (group[node] != node) node = group[node] = group[group[node]];
    return node;
}

static void join(int64_t *group, int64_t a, int64_t b)
{
    a = root(group, a), b = root(group, b);
    if (a < b)
        group[b] = a;
    else
        group[a] = b;
}

/* Channel i of every part, from the node of channel 0. */
static void join_parts(yl_channel_graph *g, int64_t first, int64_t count, int64_t parts)
{
    int64_t size = count / parts;
    for (int64_t c = size; c < count; c++) join(g->group, first + c % size, first + c);
}

static void join_node(yl_channel_graph *g, int layer, int64_t node)
{
    bool free = false;
    for (int64_t i = g->source_first[node]; i < g->source_first[node + 1]; i++) {
        const yl_source *s = &g->sources[i];
        int64_t from = yl__input_node(g, layer, s->input, s->first);
        free |= s->use != YL_USE_WHOLE;
        for (int64_t c = 0; c < s->count; c++) {
            if (s->use == YL_USE_EACH) join(g->group, node, from + c);
            if (s->use == YL_USE_WHOLE) g->fixed[from + c] = true;
        }
    }
    if (!free) g->fixed[node] = true;
}

static void join_layer(yl_channel_graph *g, int layer)
{
    const yl_layer *l = &g->net->layers[layer];
    const yl_channel_layer *about = &g->layers[layer];
    int64_t first = g->first[layer + 1], count = yl__channel_count(g, layer + 1);
    if (about->same_as >= 0) {
        for (int64_t c = 0; c < count; c++) join(g->group, first + c, yl__input_node(g, layer, about->same_as, c));
        return;
    }
    for (int64_t c = 0; c < count; c++) join_node(g, layer, first + c);
    if (about->parts == 1) return;
    if (about->mixes) join_parts(g, first, count, about->parts);
    for (int k = 0; k < l->n_inputs; k++)
        join_parts(g, yl__input_node(g, layer, k, 0), yl__channel_count(g, l->inputs[k] + 1), about->parts);
}

/* Numbers the groups. A root comes before its nodes, and its number is at most its index. */
static void number_groups(yl_channel_graph *g, const int64_t *roots)
{
    for (int64_t i = 0; i < g->n_nodes; i++)
        if (g->fixed[i]) g->fixed[roots[i]] = true;
    g->n_groups = 0;
    for (int64_t i = 0; i < g->n_nodes; i++) {
        bool first = roots[i] == i;
        if (first) g->fixed[g->n_groups] = g->fixed[i];
        g->group[i] = first ? g->n_groups++ : g->group[roots[i]];
    }
}

yl_status yl__channels_join(yl_channel_graph *g)
{
    const yl_net *net = g->net;
    int64_t *roots;
    YL_TRY(yl__alloc(g->n_nodes, sizeof *roots, &roots));
    for (int64_t i = 0; i < g->n_nodes; i++) g->group[i] = i, g->fixed[i] = i < g->first[1];
    for (int i = 0; i < net->n_layers; i++) {
        join_layer(g, i);
        if (yl_net_consumers(net, i) > 0) continue;
        for (int64_t c = g->first[i + 1]; c < g->first[i + 2]; c++) g->fixed[c] = true;
    }
    for (int64_t i = 0; i < g->n_nodes; i++) roots[i] = root(g->group, i);
    number_groups(g, roots);
    yl__free(roots);
    return YL_OK;
}

yl_status yl_channels_build(const yl_net *net, yl_channel_graph *out)
{
    *out = (yl_channel_graph){.net = net};
    if (!net->finished) return yl__fail(YL_INVALID, "channels: the network is not finished");
    yl__net_busy(net, 1);
    yl_status status = collect(out);
    yl__net_busy(net, -1);
    return status == YL_OK ? yl__channels_join(out) : status;
}

void yl_channels_free(yl_channel_graph *g)
{
    yl__free(g->shapes);
    yl__free(g->first);
    yl__free(g->source_first);
    yl__free(g->sources);
    yl__free(g->layers);
    yl__free(g->group);
    yl__free(g->fixed);
    *g = (yl_channel_graph){0};
}
