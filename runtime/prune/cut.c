/* Cutting channels by score. The more groups go the less is left, so the smallest number that reaches the target is found by halving. */
#include "prune/cut.h"
#include "core/memory.h"
#include "prune/narrow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_cut_options, member)
static const yl_field fields[] = {
    {"zeros", YL_OPTION_INT, "-1", "weights", "at least so many weights of channels that go; -1: not asked for", -1,
     INFINITY, NULL, NULL, AT(zeros)},
    {"flops", YL_OPTION_INT, "-1", "FLOPs", "at most so many are left for one image; -1: not asked for", -1, INFINITY,
     NULL, NULL, AT(flops)},
    {"h", YL_OPTION_INT, "0", "px", "height of the image; 0: the network's", 0, 65536, NULL, "height", AT(h)},
    {"w", YL_OPTION_INT, "0", "px", "width of the image; 0: the network's", 0, 65536, NULL, "width", AT(w)},
};
const yl_field_table yl_cut_fields = YL_FIELD_TABLE("cut", fields);

bool yl_channels_mask(const yl_channel_graph *g, const bool *kept, int range, uint8_t *mask)
{
    const yl_range *r = &g->net->ranges[range];
    bool any = false;
    if (!r->per_out || r->kind == YL_STATISTIC) return false;
    int64_t row = r->count / r->dims[0];
    for (int64_t o = 0; o < r->dims[0]; o++) {
        if (kept[g->group[g->first[r->layer + 1] + o]]) continue;
        memset(mask + o * row, 0, (size_t)row);
        any = true;
    }
    return any;
}

static int64_t count_zeros(const yl_channel_graph *g, const bool *kept)
{
    int64_t zeros = 0;
    for (int i = 0; i < g->net->n_ranges; i++) {
        const yl_range *r = &g->net->ranges[i];
        if (!r->per_out || r->kind != YL_WEIGHT) continue;
        for (int64_t o = 0; o < r->dims[0]; o++)
            if (!kept[g->group[g->first[r->layer + 1] + o]]) zeros += r->count / r->dims[0];
    }
    return zeros;
}

yl_status yl_channels_cost(const yl_channel_graph *g, const bool *kept, int64_t h, int64_t w, yl_cut_result *result)
{
    result->zeros = count_zeros(g, kept);
    return yl__narrow_cost(g, kept, h ? h : g->net->h, w ? w : g->net->w, &result->flops, &result->params);
}

typedef struct candidate {
    double score;
    int64_t group;
} candidate;

static int by_score(const void *a, const void *b)
{
    const candidate *p = a, *q = b;
    if (p->score != q->score) return p->score < q->score ? -1 : 1;
    return p->group < q->group ? -1 : p->group > q->group;
}

typedef struct cutting {
    const yl_channel_graph *g;
    const double *score;
    yl_cut_options o;
    yl__widths widths;
    int64_t n;
    candidate *order;
} cutting;

static yl_status sort(cutting *c)
{
    YL_TRY(yl__alloc(c->g->n_groups + 1, sizeof *c->order, &c->order));
    for (int64_t i = 0; i < c->g->n_groups; i++) {
        if (isnan(c->score[i])) return yl__fail(YL_NUMERIC, "the score of channel group %lld is NaN", (long long)i + 1);
        if (!c->g->fixed[i] && c->score[i] < INFINITY) c->order[c->n++] = (candidate){c->score[i], i};
    }
    qsort(c->order, (size_t)c->n, sizeof *c->order, by_score);
    return YL_OK;
}

/* Without the first `count` in the order, but for what the widths ask back. */
static yl_status without(const cutting *c, int64_t count, bool *kept, yl_cut_result *result)
{
    for (int64_t i = 0; i < c->g->n_groups; i++) kept[i] = true;
    for (int64_t i = 0; i < count; i++) kept[c->order[i].group] = false;
    yl__keep_widths(c->g, &c->widths, c->score, kept);
    return yl_channels_cost(c->g, kept, c->o.h, c->o.w, result);
}

static bool reached(const cutting *c, const yl_cut_result *r)
{
    return (c->o.zeros < 0 || r->zeros >= c->o.zeros) && (c->o.flops < 0 || r->flops <= c->o.flops);
}

static yl_status out_of_reach(const cutting *c, const yl_cut_result *least)
{
    if (c->o.flops >= 0)
        return yl__fail(
            YL_INVALID,
            "%lld FLOPs cannot be reached: %lld are left when all %lld groups of channels that may go have gone",
            (long long)c->o.flops, (long long)least->flops, (long long)c->n);
    return yl__fail(YL_INVALID,
                    "%lld zeros cannot be reached: all %lld groups of channels that may go have %lld weights",
                    (long long)c->o.zeros, (long long)c->n, (long long)least->zeros);
}

static yl_status cut(cutting *c, bool *kept, yl_cut_result *result)
{
    YL_TRY(yl__widths_check(c->g, &c->widths));
    YL_TRY(sort(c));
    int64_t low = 0, high = c->n;
    YL_TRY(without(c, high, kept, result));
    if (!reached(c, result)) return out_of_reach(c, result);
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        YL_TRY(without(c, middle, kept, result));
        if (reached(c, result))
            high = middle;
        else
            low = middle + 1;
    }
    return without(c, low, kept, result);
}

yl_status yl_channels_cut(const yl_channel_graph *g, const double *score, const yl_cut_options *o, bool *kept,
                          yl_cut_result *result)
{
    cutting c = {.g = g, .score = score, .o = *o};
    c.widths = (yl__widths){o->widths.round_to < 1 ? 1 : o->widths.round_to,
                            o->widths.min_channels < 1 ? 1 : o->widths.min_channels};
    yl_status status = cut(&c, kept, result);
    yl__free(c.order);
    return status;
}
