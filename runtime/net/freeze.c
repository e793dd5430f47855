/* Freezing by name: globs over ranges and layers, and the word "body". */
#define _GNU_SOURCE
#include "net/net.h"
#include "core/text.h"
#include "core/memory.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* From a head back to the convolution (or fully connected layer) that feeds it: what "body" leaves trainable. */
static void mark_head(const yl_net *net, int layer, bool *head)
{
    while (layer >= 0) {
        const yl_layer *l = &net->layers[layer];
        if (l->n_params > 0) head[layer] = true;
        bool has_weight = false;
        for (int k = 0; k < l->n_params; k++) has_weight |= net->ranges[l->params[k]].kind == YL_WEIGHT;
        if (has_weight) return;
        layer = l->inputs[0];
    }
}

static void find_heads(const yl_net *net, bool *head)
{
    bool any = false;
    for (int i = 0; i < net->n_layers; i++)
        if (net->layers[i].kind->loss_parts) {
            mark_head(net, net->layers[i].inputs[0], head);
            any = true;
        }
    if (!any) mark_head(net, net->n_layers - 1, head);
}

static bool name_matches(const yl_net *net, const yl_range *range, const char *glob)
{
    const char *layer = net->layers[range->layer].name;
    if (fnmatch(glob, range->name, 0) == 0 || fnmatch(glob, layer, 0) == 0) return true;
    char base[YL_NAME];
    snprintf(base, sizeof base, "%s", layer);
    char *dot = strchr(base, '.');
    if (dot) *dot = '\0';
    return fnmatch(glob, base, 0) == 0;
}

static int freeze_one(const yl_net *net, const char *part, const bool *head, bool *frozen)
{
    int hits = 0;
    for (int i = 0; i < net->n_ranges; i++) {
        bool hit = strcmp(part, "all") == 0 || (strcmp(part, "body") == 0 && !head[net->ranges[i].layer]) ||
                   name_matches(net, &net->ranges[i], part);
        frozen[i] |= hit;
        hits += hit;
    }
    return hits;
}

static yl_status no_match(const yl_net *net, const char *part)
{
    static const char *const words[] = {"none", "body", "all"};
    const char *example = NULL;
    yl_nearest nearest = yl__nearest_to(part);
    for (int i = 0; i < 3; i++) yl__nearer(&nearest, words[i], words[i]);
    for (int i = 0; i < net->n_layers; i++) {
        if (net->layers[i].n_params == 0) continue;
        if (!example) example = net->layers[i].name;
        yl__nearer(&nearest, net->layers[i].name, net->layers[i].name);
    }
    return yl__fail(YL_INVALID,
                    "freeze: '%s' matches no layer or parameter; expected none, body, all or a name such as '%s'%s%s%s",
                    part, example ? example : "conv1", nearest.found ? ", did you mean '" : "",
                    nearest.found ? nearest.found : "", nearest.found ? "'?" : "");
}

static yl_status freeze_parts(const yl_net *net, char *patterns, const bool *head, bool *frozen)
{
    char *rest = patterns;
    for (char *part = strtok_r(patterns, ", ", &rest); part; part = strtok_r(NULL, ", ", &rest))
        if (strcmp(part, "none") != 0 && freeze_one(net, part, head, frozen) == 0) return no_match(net, part);
    return YL_OK;
}

yl_status yl_net_freeze(yl_net *net, const char *patterns, int *matched)
{
    YL_TRY(yl__net_idle(net, "freeze"));
    char *copy = NULL;
    bool *head = NULL, *frozen = NULL;
    yl_status status = yl__strdup(patterns, &copy);
    if (status == YL_OK) status = yl__calloc(net->n_layers, sizeof *head, &head);
    if (status == YL_OK) status = yl__calloc(net->n_ranges + 1, sizeof *frozen, &frozen);
    if (status == YL_OK) {
        find_heads(net, head);
        status = freeze_parts(net, copy, head, frozen);
    }
    if (status == YL_OK) {
        *matched = 0;
        for (int i = 0; i < net->n_ranges; i++) {
            net->ranges[i].frozen = frozen[i];
            *matched += frozen[i];
        }
    }
    yl__free(copy);
    yl__free(head);
    yl__free(frozen);
    return status;
}

bool yl_net_layer_frozen(const yl_net *net, int layer)
{
    const yl_layer *l = &net->layers[layer];
    for (int k = 0; k < l->n_params; k++)
        if (!net->ranges[l->params[k]].frozen) return false;
    return l->n_params > 0;
}

bool yl_net_statistics_frozen(const yl_net *net, int layer)
{
    const yl_layer *l = &net->layers[layer];
    int statistics = 0;
    for (int k = 0; k < l->n_params; k++) {
        const yl_range *range = &net->ranges[l->params[k]];
        if (range->kind == YL_STATISTIC && !range->frozen) return false;
        statistics += range->kind == YL_STATISTIC;
    }
    return statistics > 0;
}
