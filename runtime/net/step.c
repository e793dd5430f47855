/* The optimizer step: the gradient's norm first, then one pass over the slabs. */
#include "net/step.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_step_options, member)
static const yl_field fields[] = {
    {"rule", YL_OPTION_ENUM, "sgd", "", "how a step is made from the gradient; apply: the gradient is the step", 0, 0,
     "sgd|adam|adamw|apply", NULL, AT(rule)},
    {"lr", YL_OPTION_NUMBER, "1e-3", "1/step", "learning rate", 0, 1e3, NULL, "lr0 learning_rate learningrate", AT(lr)},
    {"momentum", YL_OPTION_NUMBER, "0.9", "", "share of the old velocity that is kept", 0, 0.9999, NULL, NULL,
     AT(momentum)},
    {"nesterov", YL_OPTION_BOOL, "false", "", "look ahead along the velocity", 0, 0, NULL, NULL, AT(nesterov)},
    {"beta1", YL_OPTION_NUMBER, "0.9", "", "share of the old first moment that is kept", 0, 0.99999, NULL, NULL,
     AT(beta1)},
    {"beta2", YL_OPTION_NUMBER, "0.999", "", "share of the old second moment that is kept", 0, 0.999999, NULL, NULL,
     AT(beta2)},
    {"epsilon", YL_OPTION_NUMBER, "1e-8", "", "added to the root of the second moment", 0, 1, NULL, NULL, AT(epsilon)},
    {"decay", YL_OPTION_NUMBER, "5e-4", "", "weight decay; biases and batch-norm are not decayed", 0, 10, NULL,
     "weight_decay weights_decay wd l2", AT(decay)},
    {"clip", YL_OPTION_NUMBER, "0", "", "largest norm of the gradient; 0: no clipping", 0, INFINITY, NULL,
     "grad_clip clip_grad max_norm clip_norm", AT(clip)},
    {"images", YL_OPTION_INT, "1", "images", "how many images the gradient is summed over", 1, INFINITY, NULL, NULL,
     AT(images)},
    {"ema", YL_OPTION_NUMBER, "0", "", "decay of the averaged weights; 0: none", 0, 0.999999, NULL, NULL, AT(ema)},
};
const yl_field_table yl_step_fields = YL_FIELD_TABLE("step", fields);

/* The slabs that a step walks; NULL where the network has none of that name. */
typedef struct yl_step_slabs {
    const yl_slab *value, *grad, *mask, *velocity, *m, *v, *ema;
} yl_step_slabs;

static bool adam(yl_rule rule)
{
    return rule == YL_ADAM || rule == YL_ADAMW;
}

static yl_status find_slabs(yl_net *net, const yl_step_options *o, yl_step_slabs *s)
{
    yl_slab *slab;
    *s = (yl_step_slabs){.mask = NULL};
    static const char *const memory[] = {"momentum", "adam_m", "adam_m", "grad"}; /* by rule; YL_APPLY needs none */
    const char *first = memory[o->rule];
    YL_TRY(yl_net_slab(net, "grad", &slab)); /* all are made before any pointer is kept */
    YL_TRY(yl_net_slab(net, first, &slab));
    if (adam(o->rule)) YL_TRY(yl_net_slab(net, "adam_v", &slab));
    if (o->ema > 0) YL_TRY(yl_net_slab(net, "ema", &slab));
    s->value = yl_net_has_slab(net, "value");
    s->grad = yl_net_has_slab(net, "grad");
    s->mask = yl_net_has_slab(net, "mask");
    s->velocity = s->m = yl_net_has_slab(net, first);
    s->v = yl_net_has_slab(net, "adam_v");
    s->ema = o->ema > 0 ? yl_net_has_slab(net, "ema") : NULL;
    return YL_OK;
}

/* Which ranges a step takes and how much of it: graphs of other ones differ. */
static uint64_t choice_of_ranges(const yl_net *net)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (int i = 0; i < net->n_ranges; i++) {
        uint32_t rate;
        memcpy(&rate, &net->ranges[i].lr_mult, sizeof rate);
        hash = (hash ^ net->ranges[i].frozen) * 0x100000001b3u;
        hash = (hash ^ rate) * 0x100000001b3u;
    }
    return hash | 1; /* 0 is: not made */
}

static void add_parts(yl_net *net, const yl_range *r, int32_t range)
{
    yl_step_geom *g = &net->step_geom;
    for (int64_t done = 0; done < r->count; done += YL_STEP_PART, g->parts++)
        net->host_parts[g->parts] = (yl_step_part){
            .at = r->offset + done,
            .count = r->count - done < YL_STEP_PART ? r->count - done : YL_STEP_PART,
            .range = range,
            .lr_mult = r->lr_mult,
            .decays = r->kind == YL_WEIGHT,
            .statistic = r->kind == YL_STATISTIC,
        };
    g->count += r->count;
}

/* The parts of the ranges that are not frozen, made anew where others are, or their rates have changed. */
static yl_status find_parts(yl_net *net)
{
    yl_device *device = net->device;
    uint64_t choice = choice_of_ranges(net);
    if (choice == net->choice_of_parts) return YL_OK;
    net->choice_of_parts = 0;
    net->step_geom = (yl_step_geom){.ranges = net->n_ranges};
    for (int i = 0; i < net->n_ranges; i++) {
        net->host_first_part[i] = (int32_t)net->step_geom.parts;
        if (!net->ranges[i].frozen) add_parts(net, &net->ranges[i], i);
    }
    net->host_first_part[net->n_ranges] = (int32_t)net->step_geom.parts;
    YL_TRY(device->to_device(device, net->parts, net->host_parts, (size_t)net->step_geom.parts * sizeof *net->parts));
    YL_TRY(device->to_device(device, net->first_part, net->host_first_part,
                             ((size_t)net->n_ranges + 1) * sizeof *net->first_part));
    net->choice_of_parts = choice;
    return YL_OK;
}

static yl_status call_squares(void *of)
{
    yl_net *net = of;
    const yl_kernels *k = net->device->kernels;
    const yl_slab *mask = &net->slabs[YL_SLAB_mask], *grad = &net->slabs[YL_SLAB_grad];
    yl_ctx ctx = yl__ctx(net->device);
    if (mask->data) YL_TRY(k->apply_mask(&ctx, mask->count, mask->data, grad->data));
    return k->sum_squares(&ctx, &net->step_geom, net->parts, net->first_part, grad->data, net->part_squares,
                          net->squares);
}

/* The sums of squares of every unfrozen range, on the host; the device is asked once. */
static yl_status find_squares(yl_net *net)
{
    YL_TRY(find_parts(net));
    yl_graph_key key = {.at = {net->slabs[YL_SLAB_mask].data, net->slabs[YL_SLAB_grad].data},
                        .numbers = {net->choice_of_parts}};
    YL_TRY(yl__graph_run(net->device, &net->squares_graph, &key, call_squares, net));
    return net->device->from_device(net->device, net->host_squares, net->squares,
                                    (size_t)net->n_ranges * sizeof *net->squares);
}

yl_status yl_net_gradient_norm(yl_net *net, double *norm)
{
    yl_slab *grad;
    double total = 0;
    YL_TRY(yl_net_slab(net, "grad", &grad));
    YL_TRY(find_squares(net));
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        if (r->kind == YL_STATISTIC || r->frozen) continue;
        double sum = net->host_squares[i];
        if (!isfinite(sum)) return yl__fail(YL_NUMERIC, "the gradient of %s is NaN or infinite", r->name);
        total += sum;
    }
    *norm = sqrt(total);
    return YL_OK;
}

yl_status yl_net_unscale(yl_net *net, double scale, bool *finite)
{
    yl_slab *grad;
    yl_ctx ctx = yl__ctx(net->device);
    if (!(scale > 0 && isfinite(scale)))
        return yl__fail(YL_INVALID, "unscale: expected a loss scale above 0, got %g", scale);
    YL_TRY(yl__net_idle(net, "unscale"));
    YL_TRY(yl_net_slab(net, "grad", &grad));
    YL_TRY(net->device->kernels->multiply(&ctx, grad->count, (float)(1 / scale), grad->data));
    YL_TRY(find_squares(net));
    *finite = true;
    for (int i = 0; i < net->n_ranges; i++)
        if (net->ranges[i].kind != YL_STATISTIC && !net->ranges[i].frozen) *finite &= isfinite(net->host_squares[i]);
    return YL_OK;
}

static yl_step_scalars scalars(const yl_step_options *o, const yl_range *r, double norm)
{
    double clip = o->clip > 0 && norm > o->clip ? o->clip / norm : 1.0, count = (double)r->steps + 1;
    return (yl_step_scalars){
        .scale = (float)(clip / (double)o->images),
        .lr = (float)o->lr,
        .momentum = o->rule == YL_APPLY ? 0.0f : (float)o->momentum,
        .decay = o->rule == YL_APPLY ? 0.0f : (float)o->decay,
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .epsilon = (float)o->epsilon,
        .correction1 = (float)(1.0 - pow(o->beta1, count)),
        .correction2 = (float)(1.0 - pow(o->beta2, count)),
        .ema = (float)o->ema,
    };
}

typedef struct step_call {
    const yl_net *net;
    const yl_step_options *options;
    const yl_step_slabs *slabs;
} step_call;

static void *data_of(const yl_slab *slab)
{
    return slab ? slab->data : NULL;
}

/* The step over the whole slab in one call. */
static yl_status call_step(void *of)
{
    const step_call *c = of;
    const yl_net *net = c->net;
    const yl_step_slabs *s = c->slabs;
    const yl_kernels *k = net->device->kernels;
    yl_ctx ctx = yl__ctx(net->device);
    yl_step_geom g = net->step_geom;
    g.decoupled = c->options->rule == YL_ADAMW;
    g.nesterov = c->options->nesterov && c->options->rule == YL_SGD;
    if (adam(c->options->rule))
        return k->step_adam(&ctx, &g, net->parts, net->scalars, data_of(s->mask), data_of(s->grad), data_of(s->m),
                            data_of(s->v), data_of(s->value), data_of(s->ema));
    return k->step_sgd(&ctx, &g, net->parts, net->scalars, data_of(s->mask), data_of(s->grad), data_of(s->velocity),
                       data_of(s->value), data_of(s->ema));
}

static yl_status run_step(yl_net *net, const yl_step_options *o, const yl_step_slabs *s)
{
    yl_graph_key key = {
        .at = {data_of(s->value), data_of(s->grad), data_of(s->mask), data_of(s->m), data_of(s->v), data_of(s->ema)},
        .numbers = {net->choice_of_parts, (uint64_t)o->rule, o->nesterov}};
    step_call call = {net, o, s};
    return yl__graph_run(net->device, &net->step_graph, &key, call_step, &call);
}

yl_status yl_net_step(yl_net *net, const yl_step_options *options, double *norm)
{
    yl_step_slabs slabs;
    if (!(options->lr >= 0 && isfinite(options->lr)))
        return yl__fail(YL_INVALID, "step: expected a learning rate of at least 0, got %g", options->lr);
    if (options->images < 1)
        return yl__fail(YL_INVALID, "step: expected a gradient over at least one image, got %" PRId64, options->images);
    YL_TRY(yl__net_idle(net, "step"));
    YL_TRY(find_slabs(net, options, &slabs));
    YL_TRY(yl_net_gradient_norm(net, norm));
    *norm /= (double)options->images;
    for (int i = 0; i < net->n_ranges; i++) net->host_scalars[i] = scalars(options, &net->ranges[i], *norm);
    YL_TRY(net->device->to_device(net->device, net->scalars, net->host_scalars,
                                  (size_t)net->n_ranges * sizeof *net->scalars));
    YL_TRY(run_step(net, options, &slabs));
    for (int i = 0; i < net->n_ranges; i++) {
        yl_range *r = &net->ranges[i];
        if (r->frozen) continue;
        r->version++;
        r->steps += options->rule != YL_SGD && r->kind != YL_STATISTIC;
    }
    return YL_OK;
}
