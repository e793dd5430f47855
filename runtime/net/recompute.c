/* Which activations a training plan drops after forward and makes once more in backward (options.recompute). Chen et al. 2016 drop
 * segments of a chain; here any value may go, and what it is made of is made again first where that was dropped too (memory.c).
 *
 * elementwise (what training on the host does unless told otherwise): what is made number by number from a value that backward reads
 * anyway, such as a batch-norm with its activation: one pass over memory.
 * auto: everything that costs little arithmetic per number, so that mainly the outputs of convolutions stay. A limit in bytes: nothing, or
 * that, or besides the values that spare most per cost, until the plan fits. Then what spares nothing is kept after all. */
#include "net/plan_impl.h"
#include "core/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    LIGHT = 32
}; /* FLOPs per number: no more than the memory's time; activations, batch-norms, pools, depthwise convolutions */

/* What is asked for. */
typedef enum extent { OFF, ELEMENTWISE, AUTO, LIMIT } extent;

typedef struct choice {
    yl_plan *plan;
    extent extent;
    double bytes;         /* LIMIT */
    int n_groups, *group; /* by value: which others lie in its place, -1: has to stay */
    bool *light;          /* by group */
    double *live;         /* by moment: bytes that are in use */
} choice;

static double flops_of(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_layer *l = &plan->net->layers[step->layer];
    return l->kind->flops ? (double)l->kind->flops(l, step->setting.in, step->setting.out) : 0;
}

static bool is_light(const choice *c, const yl_plan_step *step)
{
    const yl_plan *plan = c->plan;
    const yl_layer *l = &plan->net->layers[step->layer];
    bool reads_x = step->backward && l->kind->reads && l->kind->reads(l) & YL_READS_X;
    if (c->extent == ELEMENTWISE) return l->kind->in_place && reads_x;
    return flops_of(plan, step) <= (double)LIGHT * (double)yl_shape_count(step->setting.out);
}

/* What running forward once more costs, in FLOPs: its own, and as many as are done while memory moves a number. */
static double cost_again(const yl_plan *plan)
{
    const double PER_NUMBER = 20;
    double sum = 0;
    for (int i = 0; i < plan->n_again; i++) {
        const yl_plan_step *step = &plan->steps[plan->again[i]];
        sum += flops_of(plan, step) + PER_NUMBER * (double)yl_shape_count(step->setting.out);
        for (int k = 0; k < plan->net->layers[step->layer].n_inputs; k++)
            sum += PER_NUMBER * (double)yl_shape_count(step->setting.in[k]);
    }
    return sum;
}

/* May value v be made twice? Not what is read between forward and backward, and not by functions in Lua, which may remember. */
static bool may_go(const yl_plan *plan, int v)
{
    const yl_net *net = plan->net;
    if (plan->values[v].producer < 0 || yl__plan_kept(plan, v)) return false;
    if (net->layers[plan->steps[plan->values[v].producer].layer].kind->context) return false;
    for (int s = 0; s < plan->n_steps; s++) {
        const yl_layer *l = &net->layers[plan->steps[s].layer];
        for (int k = 0; k < l->n_inputs && l->kind->loss_parts; k++)
            if (l->inputs[k] + 1 == v) return false;
    }
    return true;
}

/* Values that share a place go together. */
static void find_groups(choice *c)
{
    const yl_plan *plan = c->plan;
    c->n_groups = plan->n_places;
    for (int g = 0; g < c->n_groups; g++) c->light[g] = true;
    for (int v = 0; v <= plan->net->n_layers; v++) c->group[v] = plan->values[v].place;
    for (int v = 0; v <= plan->net->n_layers; v++) {
        if (c->group[v] < 0) continue;
        if (plan->values[v].producer >= 0) c->light[c->group[v]] &= is_light(c, &plan->steps[plan->values[v].producer]);
        if (may_go(plan, v)) continue;
        for (int other = plan->net->n_layers; other >= 0; other--)
            if (other != v && c->group[other] == c->group[v]) c->group[other] = -1;
        c->group[v] = -1;
    }
}

static void drop_group(const choice *c, int group, bool dropped)
{
    for (int v = 0; v <= c->plan->net->n_layers; v++)
        if (c->group[v] == group) c->plan->values[v].dropped = dropped;
}

static void drop_light(const choice *c, bool dropped)
{
    for (int g = 0; g < c->n_groups; g++)
        if (c->light[g]) drop_group(c, g, dropped);
}

/* How many bytes, summed over moments, are in use above `target`. */
static yl_status excess(const choice *c, double target, double *out)
{
    yl_plan *plan = c->plan;
    int moments = yl__moment_end(plan) + 1;
    YL_TRY(yl__plan_lifetimes(plan));
    memset(c->live, 0, (size_t)moments * sizeof *c->live);
    for (int i = 0; i < plan->n_places; i++)
        for (int m = plan->places[i].first; m <= plan->places[i].last; m++) c->live[m] += (double)plan->places[i].bytes;
    *out = 0;
    for (int m = 0; m < moments; m++) *out += c->live[m] > target ? c->live[m] - target : 0;
    return YL_OK;
}

/* Drops the group that spares most of the excess per cost. *best: which one; -1: none spares anything. */
static yl_status drop_best(const choice *c, double target, int *best)
{
    yl_plan *plan = c->plan;
    double before, after, most = 0;
    YL_TRY(excess(c, target, &before));
    double cost = cost_again(plan);
    *best = -1;
    for (int g = 0; g < c->n_groups; g++) {
        bool gone = true;
        for (int v = 0; v <= plan->net->n_layers; v++) gone &= c->group[v] != g || plan->values[v].dropped;
        if (gone) continue;
        drop_group(c, g, true);
        YL_TRY(excess(c, target, &after));
        double spared = (before - after) / fmax(1, cost_again(plan) - cost);
        if (before > after && spared > most) most = spared, *best = g;
        drop_group(c, g, false);
    }
    if (*best >= 0) drop_group(c, *best, true);
    return YL_OK;
}

/* Keeps what can be kept without more than `limit` bytes. */
static yl_status keep_needless(const choice *c, double limit)
{
    double over;
    for (int g = 0; g < c->n_groups; g++) {
        bool dropped = false;
        for (int v = 0; v <= c->plan->net->n_layers; v++) dropped |= c->group[v] == g && c->plan->values[v].dropped;
        if (!dropped) continue;
        drop_group(c, g, false);
        YL_TRY(excess(c, limit, &over));
        if (over == 0) YL_TRY(yl__plan_offsets(c->plan));
        if (over > 0 || (double)c->plan->arena_bytes > limit) drop_group(c, g, true);
    }
    return YL_OK;
}

static yl_status lay_out(const choice *c, double limit, double *least, bool *fits)
{
    YL_TRY(yl__plan_lifetimes(c->plan));
    YL_TRY(yl__plan_offsets(c->plan));
    if ((double)c->plan->arena_bytes < *least) *least = (double)c->plan->arena_bytes;
    *fits = (double)c->plan->arena_bytes <= limit;
    return YL_OK;
}

/* Until the arena fits the limit. *least: the smallest one seen. */
static yl_status drop_until(const choice *c, double limit, double *least, bool *fits)
{
    double target = limit, over;
    int dropped = 0;
    YL_TRY(lay_out(c, limit, least, fits));
    if (*fits) return YL_OK;
    drop_light(c, true);
    YL_TRY(lay_out(c, limit, least, fits));
    while (!*fits && dropped >= 0 && target > 0) {
        YL_TRY(excess(c, target, &over));
        if (over == 0) target = fmax(0, target - 0.02 * limit - 1); /* gaps between places take the rest */
        YL_TRY(drop_best(c, target, &dropped));
        YL_TRY(lay_out(c, limit, least, fits));
    }
    return YL_OK;
}

static yl_status fit(const choice *c, double bytes)
{
    const double MIB = 1 << 20;
    double fixed = (double)c->plan->packed_bytes, least = INFINITY;
    bool fits;
    YL_TRY(drop_until(c, fmax(0, bytes - fixed), &least, &fits));
    if (fits) return keep_needless(c, fmax(0, bytes - fixed));
    drop_light(c, false);
    return yl__fail(
        YL_INVALID,
        "recompute: a step of %lld images at %lldx%lld takes at least about %.0f MiB, and %.0f are left: expected a "
        "higher limit, or fewer images at a time",
        (long long)c->plan->options.batch, (long long)c->plan->options.w, (long long)c->plan->options.h,
        ceil((least + fixed) / MIB), bytes / MIB);
}

static yl_status choose(choice *c)
{
    YL_TRY(yl__plan_lifetimes(c->plan)); /* with nothing dropped: which values share places */
    YL_TRY(yl__alloc(c->plan->net->n_layers + 1, sizeof *c->group, &c->group));
    YL_TRY(yl__alloc(c->plan->n_places, sizeof *c->light, &c->light));
    YL_TRY(yl__alloc(yl__moment_end(c->plan) + 1, sizeof *c->live, &c->live));
    find_groups(c);
    if (c->extent == LIMIT) return fit(c, c->bytes);
    drop_light(c, true);
    YL_TRY(yl__plan_lifetimes(c->plan));
    YL_TRY(yl__plan_offsets(c->plan));
    return keep_needless(c, (double)c->plan->arena_bytes);
}

static yl_status read_number(const char *text, double *bytes)
{
    char *end;
    long mib = strtol(text, &end, 10);
    if (end == text || *end || mib < 1)
        return yl__fail(YL_INVALID,
                        "plan: recompute: expected off, elementwise, auto or a whole number of MiB, got '%s'", text);
    *bytes = (double)mib * (1 << 20);
    return YL_OK;
}

static yl_status read_option(choice *c)
{
    static const char *const names[] = {"off", "elementwise", "auto"};
    const yl_plan_options *o = &c->plan->options;
    const char *text = o->recompute;
    bool can = o->mode == YL_TRAIN && !o->keep;
    c->extent = can && c->plan->net->device->host_memory ? ELEMENTWISE : OFF;
    if (!text) return YL_OK;
    for (c->extent = OFF; c->extent < LIMIT && strcmp(text, names[c->extent]) != 0;) c->extent++;
    if (c->extent == OFF) return YL_OK;
    if (o->mode != YL_TRAIN) return yl__fail(YL_INVALID, "plan: recompute=%s is for training", text);
    if (o->keep)
        return yl__fail(YL_INVALID,
                        "plan: keep=true keeps every activation, and recompute=%s drops some: expected one of them",
                        text);
    return c->extent == LIMIT ? read_number(text, &c->bytes) : YL_OK;
}

yl_status yl__plan_place(yl_plan *plan)
{
    choice c = {.plan = plan};
    YL_TRY(read_option(&c));
    plan->options.recompute = NULL; /* the caller's memory */
    yl_status status = c.extent == OFF ? YL_OK : choose(&c);
    yl__free(c.group);
    yl__free(c.light);
    yl__free(c.live);
    if (status == YL_OK) status = yl__plan_lifetimes(plan);
    return status == YL_OK ? yl__plan_offsets(plan) : status;
}
