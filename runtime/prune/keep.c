/* Which groups stay: what the outputs depend on, from the end to the beginning, then what these need. */
#include "prune/keep.h"

#include <math.h>

static bool node_kept(const yl_channel_graph *g, const bool *kept, int64_t node)
{
    return kept[g->group[node]];
}

int64_t yl__keep_count(const yl_channel_graph *g, const bool *kept, int value)
{
    int64_t count = 0;
    for (int64_t i = g->first[value]; i < g->first[value + 1]; i++) count += node_kept(g, kept, i);
    return count;
}

/* ---- sums ---- */

static bool all_zero(const yl_channel_graph *g, const yl__constants *k, int value)
{
    for (int64_t i = g->first[value]; i < g->first[value + 1]; i++)
        if (!yl__is_zero(k, i)) return false;
    return true;
}

static bool same_shape(yl_shape a, yl_shape b)
{
    return a.h == b.h && a.w == b.w && a.c == b.c;
}

/* The input that is all that a sum is made of; -1 where there are several, or it has another shape. */
static int only_term(const yl_channel_graph *g, const yl__constants *k, int layer)
{
    const yl_layer *l = &g->net->layers[layer];
    int only = -1;
    for (int i = 0; i < l->n_inputs; i++) {
        if (all_zero(g, k, l->inputs[i] + 1)) continue;
        if (only >= 0) return -1;
        only = i;
    }
    if (only < 0) only = 0;
    return same_shape(g->shapes[l->inputs[only] + 1], g->shapes[layer + 1]) ? only : -1;
}

yl_status yl__keep_sums(yl_channel_graph *g, const yl__constants *k)
{
    for (int i = 0; i < g->net->n_layers; i++) {
        bool output = yl_net_consumers(g->net, i) == 0; /* which keeps its name and place */
        if (g->layers[i].zero == YL_ZERO_IN_SUM && !output) g->layers[i].same_as = only_term(g, k, i);
    }
    return yl__channels_join(g);
}

/* ---- what the outputs depend on ---- */

static bool keep(const yl_channel_graph *g, bool *kept, int64_t node)
{
    bool fresh = !node_kept(g, kept, node);
    kept[g->group[node]] = true;
    return fresh;
}

static bool keep_read(const yl_channel_graph *g, const yl__constants *k, int layer, bool *kept)
{
    int64_t in = g->first[g->net->layers[layer].inputs[0] + 1], out = g->first[layer + 1];
    int64_t from = yl__channel_count(g, g->net->layers[layer].inputs[0] + 1), parts = g->layers[layer].parts;
    int64_t of_part = from / parts, rows = yl__channel_count(g, layer + 1) / parts;
    bool fresh = false;
    for (int64_t c = 0; c < from; c++) {
        if (k->constant[in + c] || node_kept(g, kept, in + c)) continue;
        bool read = false;
        for (int64_t o = c / of_part * rows; o < (c / of_part + 1) * rows && !read; o++)
            read = node_kept(g, kept, out + o) && yl__reads(g, k, layer, o, c);
        if (read) fresh |= keep(g, kept, in + c);
    }
    return fresh;
}

static void keep_dependences(const yl_channel_graph *g, const yl__constants *k, bool *kept)
{
    for (int64_t i = 0; i < g->n_groups; i++) kept[i] = g->fixed[i];
    for (bool fresh = true; fresh;) {
        fresh = false;
        for (int i = g->net->n_layers - 1; i >= 0; i--)
            if (g->layers[i].mixes) fresh |= keep_read(g, k, i, kept);
    }
}

/* ---- constants ---- */

static int only_reader(const yl_net *net, int layer)
{
    int reader = -1;
    for (int i = layer + 1; i < net->n_layers; i++)
        for (int j = 0; j < net->layers[i].n_inputs; j++)
            if (net->layers[i].inputs[j] == layer) reader = i;
    return yl_net_consumers(net, layer) == 1 ? reader : -1;
}

int yl__offset_of(const yl_channel_graph *g, int layer, int *range)
{
    const yl_net *net = g->net;
    *range = yl__role_range(net, layer, YL_ROLE_OFFSET);
    if (*range >= 0 && net->ranges[*range].per_out) return 1;
    int reader = only_reader(net, layer);
    *range = reader < 0 ? -1 : yl__role_range(net, reader, YL_ROLE_CENTRE);
    return *range >= 0 && net->ranges[*range].per_out ? -1 : 0;
}

int64_t yl__carrier(const yl_channel_graph *g, const yl__constants *k, const bool *kept, int layer, int64_t part,
                    int slab)
{
    int value = g->net->layers[layer].inputs[0] + 1;
    int64_t of_part = yl__channel_count(g, value) / g->layers[layer].parts, best = -1;
    for (int64_t c = part * of_part; c < (part + 1) * of_part; c++) {
        int64_t node = g->first[value] + c;
        if (!node_kept(g, kept, node) || !k->constant[node] || k->at[slab][node] == 0) continue;
        if (best < 0 || fabsf(k->at[slab][node]) > fabsf(k->at[slab][g->first[value] + best])) best = c;
    }
    return best;
}

/* The channel of a part that goes, is read, and has the largest constant in that slab; -1 where there is none. */
static int64_t largest_lost(const yl_channel_graph *g, const yl__constants *k, const bool *kept, int layer,
                            int64_t part, int slab)
{
    int value = g->net->layers[layer].inputs[0] + 1;
    int64_t parts = g->layers[layer].parts, of_part = yl__channel_count(g, value) / parts, best = -1;
    int64_t rows = yl__channel_count(g, layer + 1) / parts, out = g->first[layer + 1];
    for (int64_t c = part * of_part; c < (part + 1) * of_part; c++) {
        int64_t node = g->first[value] + c;
        if (node_kept(g, kept, node) || !k->constant[node] || k->at[slab][node] == 0) continue;
        if (best >= 0 && fabsf(k->at[slab][node]) <= fabsf(k->at[slab][g->first[value] + best])) continue;
        bool read = false;
        for (int64_t o = part * rows; o < (part + 1) * rows && !read; o++)
            read = node_kept(g, kept, out + o) && yl__reads(g, k, layer, o, c);
        if (read) best = c;
    }
    return best;
}

/* A border sees zeros, so a constant cannot become an offset: one channel of a part stays and carries those of the others. */
static bool keep_carriers(const yl_channel_graph *g, const yl__constants *k, int layer, bool *kept)
{
    const double LEAST = 0.01; /* of the largest: what is carried is scaled by their ratio */
    int range, value = g->net->layers[layer].inputs[0] + 1;
    bool fresh = false;
    if (g->layers[layer].uniform && yl__offset_of(g, layer, &range)) return false;
    for (int64_t p = 0; p < g->layers[layer].parts; p++)
        for (int s = 0; s < k->n_slabs; s++) {
            int64_t lost = largest_lost(g, k, kept, layer, p, s), carrier = yl__carrier(g, k, kept, layer, p, s);
            if (lost < 0) continue;
            const float *at = k->at[s] + g->first[value];
            if (carrier < 0 || fabsf(at[carrier]) < LEAST * fabsf(at[lost]))
                fresh |= keep(g, kept, g->first[value] + lost);
        }
    return fresh;
}

/* ---- widths ---- */

yl_status yl__widths_check(const yl_channel_graph *g, const yl__widths *w)
{
    for (int i = 0; i < g->net->n_layers; i++) {
        int64_t count = yl__channel_count(g, i + 1);
        bool free = false;
        for (int64_t c = g->first[i + 1]; c < g->first[i + 2]; c++) free |= !g->fixed[g->group[c]];
        if (g->layers[i].mixes && free && count > 1 && w->round_to > count)
            return yl__fail(YL_INVALID, "round_to=%lld is more than the %lld channels of %s; expected at most %lld",
                            (long long)w->round_to, (long long)count, g->net->layers[i].name, (long long)count);
    }
    return YL_OK;
}

/* The channel of a layer's output that is to stay besides those that do: node, or -1. */
static int64_t best_lost(const yl_channel_graph *g, const double *score, const bool *kept, int layer)
{
    int64_t best = -1;
    for (int64_t i = g->first[layer + 1]; i < g->first[layer + 2]; i++) {
        if (node_kept(g, kept, i)) continue;
        if (best < 0 || (score && score[g->group[i]] > score[g->group[best]])) best = i;
    }
    return best;
}

static bool widen(const yl_channel_graph *g, const yl__widths *w, const double *score, int layer, bool *kept)
{
    int64_t total = yl__channel_count(g, layer + 1), count = yl__keep_count(g, kept, layer + 1);
    bool fresh = false;
    while (count > 0 && count < total && (count < w->min_channels || count % w->round_to)) {
        keep(g, kept, best_lost(g, score, kept, layer));
        count = yl__keep_count(g, kept, layer + 1);
        fresh = true;
    }
    return fresh;
}

/* A layer that stays reads something. */
static bool keep_an_input(const yl_channel_graph *g, const double *score, int layer, bool *kept)
{
    int input = g->net->layers[layer].inputs[0];
    if (yl__keep_count(g, kept, layer + 1) == 0 || yl__keep_count(g, kept, input + 1) > 0) return false;
    return keep(g, kept, best_lost(g, score, kept, input));
}

bool yl__keep_widths(const yl_channel_graph *g, const yl__widths *w, const double *score, bool *kept)
{
    bool any = false;
    for (bool fresh = true; fresh; any |= fresh) {
        fresh = false;
        for (int i = 0; i < g->net->n_layers; i++) {
            if (!g->layers[i].mixes) continue;
            fresh |= keep_an_input(g, score, i, kept);
            fresh |= widen(g, w, score, i, kept);
        }
    }
    return any;
}

void yl__keep_needed(const yl_channel_graph *g, const yl__constants *k, const yl__widths *w, bool *kept)
{
    keep_dependences(g, k, kept);
    for (bool fresh = true; fresh;) {
        fresh = yl__keep_widths(g, w, NULL, kept);
        for (int i = 0; i < g->net->n_layers; i++)
            if (g->layers[i].mixes) fresh |= keep_carriers(g, k, i, kept);
    }
}
