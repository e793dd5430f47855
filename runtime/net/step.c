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
    return hash;
}

static yl_status call_squares(void *of)
{
    yl_net *net = of;
    const yl_kernels *k = net->device->kernels;
    const yl_slab *mask = &net->slabs[YL_SLAB_mask], *grad = &net->slabs[YL_SLAB_grad];
    yl_ctx ctx = yl__ctx(net->device);
    for (int i = 0; i < net->n_ranges; i++) {
        const yl_range *r = &net->ranges[i];
        if (r->kind == YL_STATISTIC) continue;
        if (mask->data) YL_TRY(k->apply_mask(&ctx, r->count, yl_net_at(mask, r), yl_net_at(grad, r)));
        if (!r->frozen) YL_TRY(k->sum_squares(&ctx, r->count, yl_net_at(grad, r), net->squares + i));
    }
    return YL_OK;
}

/* The sums of squares of every unfrozen range, on the host; the device is asked once. */
static yl_status find_squares(yl_net *net)
{
    yl_graph_key key = {.at = {net->slabs[YL_SLAB_mask].data, net->slabs[YL_SLAB_grad].data},
                        .numbers = {choice_of_ranges(net)}};
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

static yl_step_scalars scalars(const yl_step_options *o, const yl_range *r, double norm)
{
    double clip = o->clip > 0 && norm > o->clip ? o->clip / norm : 1.0, count = (double)r->steps + 1;
    return (yl_step_scalars){
        .scale = (float)(clip / (double)o->images),
        .lr = (float)o->lr,
        .momentum = o->rule == YL_APPLY ? 0.0f : (float)o->momentum,
        .decay = (float)o->decay,
        .beta1 = (float)o->beta1,
        .beta2 = (float)o->beta2,
        .epsilon = (float)o->epsilon,
        .correction1 = (float)(1.0 - pow(o->beta1, count)),
        .correction2 = (float)(1.0 - pow(o->beta2, count)),
        .ema = (float)o->ema,
    };
}

static yl_status step_range(const yl_net *net, const yl_ctx *ctx, const yl_step_options *o, const yl_step_slabs *s,
                            const yl_step_scalars *numbers, const yl_range *r)
{
    const yl_kernels *k = net->device->kernels;
    yl_step_geom g = {.count = r->count,
                      .lr_mult = r->lr_mult,
                      .decays = r->kind == YL_WEIGHT && o->rule != YL_APPLY,
                      .decoupled = o->rule == YL_ADAMW,
                      .nesterov = o->nesterov && o->rule == YL_SGD};
    float *value = yl_net_at(s->value, r), *ema = yl_net_at(s->ema, r);
    if (r->kind == YL_STATISTIC) return ema ? k->step_average(ctx, &g, numbers, value, ema) : YL_OK;
    const uint8_t *mask = yl_net_at(s->mask, r);
    float *grad = yl_net_at(s->grad, r);
    if (!adam(o->rule)) return k->step_sgd(ctx, &g, numbers, mask, grad, yl_net_at(s->velocity, r), value, ema);
    return k->step_adam(ctx, &g, numbers, mask, grad, yl_net_at(s->m, r), yl_net_at(s->v, r), value, ema);
}

typedef struct step_call {
    const yl_net *net;
    const yl_step_options *options;
    const yl_step_slabs *slabs;
} step_call;

static yl_status call_step(void *of)
{
    const step_call *c = of;
    yl_ctx ctx = yl__ctx(c->net->device);
    for (int i = 0; i < c->net->n_ranges; i++)
        if (!c->net->ranges[i].frozen)
            YL_TRY(step_range(c->net, &ctx, c->options, c->slabs, &c->net->scalars[i], &c->net->ranges[i]));
    return YL_OK;
}

static const void *data_of(const yl_slab *slab)
{
    return slab ? slab->data : NULL;
}

static yl_status run_step(yl_net *net, const yl_step_options *o, const yl_step_slabs *s)
{
    yl_graph_key key = {
        .at = {data_of(s->value), data_of(s->grad), data_of(s->mask), data_of(s->m), data_of(s->v), data_of(s->ema)},
        .numbers = {choice_of_ranges(net), (uint64_t)o->rule, o->nesterov}};
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
