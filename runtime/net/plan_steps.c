/* The steps of a plan: which layers run, which are absorbed by another, what each is told. */
#include "core/memory.h"
#include "net/plan_impl.h"

/* needs_grad[l]: a gradient has to pass through layer l, since it or something it is computed from is trainable. */
static void find_trainable(yl_plan *plan)
{
    const yl_net *net = plan->net;
    for (int i = 0; i < net->n_layers; i++) {
        const yl_layer *l = &net->layers[i];
        bool needs_grad = l->n_params > 0 && !yl_net_layer_frozen(net, i);
        for (int k = 0; k < l->n_inputs; k++)
            needs_grad |= l->inputs[k] < 0 ? plan->options.whole_gradient : plan->needs_grad[l->inputs[k]];
        plan->needs_grad[i] = needs_grad;
    }
}

/* reaches_loss[l]: the output of layer l matters to a loss; without losses the last layer takes their part. */
static void find_reaching_loss(yl_plan *plan)
{
    const yl_net *net = plan->net;
    bool any = false;
    for (int i = 0; i < net->n_layers; i++) {
        plan->reaches_loss[i] = net->layers[i].kind->loss_parts != NULL;
        any |= plan->reaches_loss[i];
    }
    if (!any) plan->reaches_loss[net->n_layers - 1] = true;
    for (int i = net->n_layers - 1; i >= 0; i--)
        for (int k = 0; plan->reaches_loss[i] && k < net->layers[i].n_inputs; k++)
            if (net->layers[i].inputs[k] >= 0) plan->reaches_loss[net->layers[i].inputs[k]] = true;
}

static bool in_part(const yl_plan *plan, int layer)
{
    switch (plan->options.part) {
    case YL_BODY:
        return !plan->needs_grad[layer];
    case YL_TAIL:
        return plan->needs_grad[layer];
    default:
        return true;
    }
}

static int only_reader(const yl_net *net, int layer, const yl_layer_kind *kind)
{
    if (yl_net_consumers(net, layer) != 1) return -1;
    for (int i = layer + 1; i < net->n_layers; i++)
        for (int k = 0; k < net->layers[i].n_inputs; k++)
            if (net->layers[i].inputs[k] == layer) return net->layers[i].kind == kind ? i : -1;
    return -1;
}

/* The cut: values of the frozen part that something trainable reads; for a body what it leaves, for a tail what it is given. */
static void find_cut(yl_plan *plan)
{
    const yl_net *net = plan->net;
    for (int v = 0; v <= net->n_layers; v++) {
        if (v > 0 && plan->needs_grad[v - 1]) continue;
        bool crosses = false;
        for (int i = 0; i < net->n_layers; i++)
            for (int k = 0; k < net->layers[i].n_inputs; k++)
                crosses |= plan->needs_grad[i] && net->layers[i].inputs[k] == v - 1;
        if (crosses) plan->cut[plan->n_cut++] = v;
    }
}

/* One image after the other passes through all layers where that spares more memory traffic than it costs: the activations of a batch do not
 * fit a cache, those of an image may, and the weights, read anew for each slice, are few beside them. A choice for inference on the host, by
 * layers that treat images one by one. Each thread has images of its own then, or, where that would leave many idle, all threads share an
 * image. */
static void slice(yl_plan *plan)
{
    const double LEAST_BYTES = 8 << 20, WEIGHTS_SHARE = 0.25, LEAST_BUSY = 0.75;
    const yl_net *net = plan->net;
    const yl_plan_options *o = &plan->options;
    double activations = 0, weights = 0;
    bool fits = o->mode == YL_INFER && o->part == YL_WHOLE && !o->estimate && !o->keep && net->device->host_memory;
    for (int i = 0; i < net->n_layers; i++) {
        activations += (double)yl_shape_count(plan->values[i + 1].shape) * sizeof(float);
        fits &= net->layers[i].kind->context == NULL; /* a layer in Lua may look at the whole batch */
    }
    for (int i = 0; i < net->n_ranges; i++) weights += (double)net->ranges[i].count * sizeof(float);
    bool whole = !fits || activations < LEAST_BYTES || weights * (double)o->batch > WEIGHTS_SHARE * activations;
    int64_t threads = plan->ctx.threads, rounds = (o->batch + threads - 1) / threads;
    plan->slice = whole ? o->batch : 1, plan->lanes = 1;
    if (whole || o->batch == 1 || (double)o->batch < LEAST_BUSY * (double)(rounds * threads)) return;
    plan->lanes = threads < o->batch ? threads : o->batch, plan->ctx.threads = 1;
}

static bool infers(const yl_plan *plan, int layer)
{
    if (plan->options.estimate) return false; /* a layer that is absorbed has no statistics of its own */
    return plan->options.mode == YL_INFER || !plan->needs_grad[layer];
}

/* In inference, or wherever its kind can, a layer does the work of the followers that this absorbs. */
static void absorb(yl_plan *plan, yl_plan_step *step)
{
    const yl_net *net = plan->net;
    const yl_layer_kind *const *kinds = net->layers[step->layer].kind->absorbs;
    step->output = step->layer;
    bool whole = plan->options.keep && plan->options.precision != YL_U8; /* bytes come of what is folded together */
    bool trains = net->layers[step->layer].kind->absorbs_in_training;
    if (!(trains || infers(plan, step->layer)) || whole) return;
    for (int i = 0; kinds && kinds[i]; i++) {
        int next = plan->shown[step->output] ? -1 : only_reader(net, step->output, kinds[i]);
        if (next < 0 || !in_part(plan, next) || !(trains || infers(plan, next))) continue;
        step->setting.absorbed[i] = &net->layers[next];
        step->output = next;
    }
}

static bool has_statistics(const yl_net *net, const yl_layer *layer)
{
    for (int k = 0; k < layer->n_params; k++)
        if (net->ranges[layer->params[k]].kind == YL_STATISTIC) return true;
    return false;
}

static void describe_step(yl_plan *plan, yl_plan_step *step, const yl_shape *shapes)
{
    const yl_net *net = plan->net;
    const yl_layer *layer = &net->layers[step->layer];
    yl_setting *s = &step->setting;
    yl_shape input = {plan->options.batch, plan->options.h, plan->options.w, net->c};
    s->ctx = &plan->ctx;
    s->net_h = plan->options.h;
    s->net_w = plan->options.w;
    s->algorithm = plan->algorithm;
    s->tf32 = plan->options.tf32 && plan->options.precision == YL_F32 && !net->device->host_memory;
    s->bf16 = plan->type == YL_F32 && plan->options.precision == YL_BF16;
    bool trains = plan->options.mode == YL_TRAIN && plan->needs_grad[step->layer];
    bool own = layer->n_params == 0 || !yl_net_layer_frozen(net, step->layer);
    s->mode = trains && own && !yl_net_statistics_frozen(net, step->layer) ? YL_TRAIN : YL_INFER;
    if (plan->options.estimate && has_statistics(net, layer)) s->mode = YL_TRAIN;
    step->backward = trains && plan->reaches_loss[step->layer];
    yl_net_inputs(net, step->layer, shapes, input, s->in);
    s->out = shapes[step->layer];
    for (int k = 0; k < layer->n_inputs; k++) s->in[k].n = plan->slice;
    s->out.n = plan->slice;
    for (int k = 0; k < layer->n_inputs && step->backward; k++)
        s->wants_dx |= layer->inputs[k] < 0 ? plan->options.whole_gradient : plan->needs_grad[layer->inputs[k]];
    s->wants_dparams = step->backward && own && layer->n_params > 0;
}

yl_status yl__plan_steps(yl_plan *plan, const yl_shape *shapes)
{
    const yl_net *net = plan->net;
    bool *absorbed;
    find_trainable(plan);
    find_reaching_loss(plan);
    find_cut(plan);
    slice(plan);
    YL_TRY(yl__calloc(net->n_layers, sizeof *absorbed, &absorbed));
    for (int i = 0; i < net->n_layers; i++) {
        if (absorbed[i] || !in_part(plan, i)) continue;
        yl_plan_step *step = &plan->steps[plan->n_steps++];
        step->layer = i;
        absorb(plan, step);
        for (int k = 0; k < YL_MAX_ABSORBED; k++)
            if (step->setting.absorbed[k]) absorbed[step->setting.absorbed[k] - net->layers] = true;
        describe_step(plan, step, shapes);
    }
    yl__free(absorbed);
    return YL_OK;
}
