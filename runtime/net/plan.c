/* Making a plan: which layers run, which are absorbed by another, what each is told. */
#include "net/plan_impl.h"
#include "core/memory.h"
#include "net/calibration.h"

#include <stdio.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_plan_options, member)
static const yl_field fields[] = {
    {"mode", YL_OPTION_ENUM, "infer", "", "a forward pass, or forward, loss, backward and step", 0, 0, "infer|train",
     NULL, AT(mode)},
    {"part", YL_OPTION_ENUM, "whole", "", "which layers run", 0, 0, "whole|body|tail", NULL, AT(part)},
    {"batch", YL_OPTION_INT, "1", "images", "images per step", 1, 65536, NULL, "batch_size bs", AT(batch)},
    {"h", YL_OPTION_INT, "0", "px", "height of the input; 0: the network's", 0, 65536, NULL, "height", AT(h)},
    {"w", YL_OPTION_INT, "0", "px", "width of the input; 0: the network's", 0, 65536, NULL, "width", AT(w)},
    {"precision", YL_OPTION_ENUM, "f32", "",
     "type of activations; bf16, f16: on a GPU, weights stay f32; bf16 on a CPU with AVX512-BF16: factors of "
     "convolutions, "
     "activations stay f32; int8: inference with a calibrated network",
     0, 0, "f32|bf16|f16|int8", "half amp fp16", AT(precision)},
    {"tf32", YL_OPTION_BOOL, "true", "",
     "on a GPU, f32 convolutions run on tensor cores, which round factors to TF32 (10 bits) and add in f32", 0, 0, NULL,
     "allow_tf32", AT(tf32)},
    {"slab", YL_OPTION_STRING, "value", "", "where the values come from: value or ema", 0, 0, NULL, NULL, AT(slab)},
    {"algorithm", YL_OPTION_STRING, "auto", "",
     "convolution algorithm; auto: measure, then choose; predicted: by sizes alone", 0, 0, NULL, NULL, AT(algorithm)},
    {"keep", YL_OPTION_BOOL, "false", "", "every activation keeps its own place", 0, 0, NULL, NULL, AT(keep)},
    {"outputs", YL_OPTION_STRING, NULL, "", "layers, separated by commas, whose outputs are kept", 0, 0, NULL, NULL,
     AT(outputs)},
    {"whole_gradient", YL_OPTION_BOOL, "false", "", "also the gradient with respect to the input", 0, 0, NULL, NULL,
     AT(whole_gradient)},
    {"recompute", YL_OPTION_STRING, NULL, "",
     "activations that backward computes once more instead of keeping them: off, elementwise (batch-norms with their "
     "activations; the default of training on the CPU), auto (those that cost little), or the MiB that the plan may "
     "take",
     0, 0, NULL, "checkpoint gradient_checkpointing activation_checkpointing", AT(recompute)},
    {"quantise", YL_OPTION_BOOL, "false", "",
     "f32 that computes with the numbers which the bytes of precision int8 would stand for; takes a calibrated network",
     0, 0, NULL, "fake_quantise qat", AT(quantise)},
    {"estimate", YL_OPTION_BOOL, "false", "", "inference, but running statistics are taken anew from the batch", 0, 0,
     NULL, NULL, AT(estimate)},
};
const yl_field_table yl_plan_fields = YL_FIELD_TABLE("plan", fields);

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

/* Images per slice. One image after the other (as many as there are threads) passes through all layers where that spares more memory
 * traffic than it costs: the activations of a batch do not fit a cache, those of an image may, and the weights, read anew for each
 * slice, are few beside them. A choice for inference on the host, by layers that treat images one by one. */
static int64_t slice_of(const yl_plan *plan)
{
    const double LEAST_BYTES = 8 << 20, WEIGHTS_SHARE = 0.25;
    const yl_net *net = plan->net;
    const yl_plan_options *o = &plan->options;
    double activations = 0, weights = 0;
    bool fits = o->mode == YL_INFER && o->part == YL_WHOLE && !o->estimate && !o->keep && net->device->host_memory;
    for (int i = 0; i < net->n_layers; i++) {
        activations += (double)yl_shape_count(plan->values[i + 1].shape) * sizeof(float);
        fits &= net->layers[i].kind->context == NULL; /* a layer in Lua may look at the whole batch */
    }
    for (int i = 0; i < net->n_ranges; i++) weights += (double)net->ranges[i].count * sizeof(float);
    if (!fits || activations < LEAST_BYTES || weights * (double)o->batch > WEIGHTS_SHARE * activations) return o->batch;
    int64_t slice = plan->ctx.threads < o->batch ? plan->ctx.threads : o->batch;
    while (o->batch % slice) slice--;
    return slice;
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

static yl_status make_steps(yl_plan *plan, const yl_shape *shapes)
{
    const yl_net *net = plan->net;
    bool *absorbed;
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
    YL_TRY(yl__plan_types(plan));
    for (int s = 0; s < plan->n_steps; s++) YL_TRY(yl__plan_prepare(plan, &plan->steps[s]));
    return YL_OK;
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

static void describe_dims(int n, const int64_t *dims, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "{");
    for (int d = 0; d < n && used < size; d++)
        used += (size_t)snprintf(out + used, size - used, d ? ", %lld" : "%lld", (long long)dims[d]);
    if (used < size) snprintf(out + used, size - used, "}");
}

static yl_status other_params(const yl_layer *l, const yl_range *range, const yl_param *p)
{
    char has[128], wants[128];
    describe_dims(range->n_dims, range->dims, has, sizeof has);
    describe_dims(p->n_dims, p->dims, wants, sizeof wants);
    return yl__fail(YL_INVALID,
                    "%s: its %s has the sizes %s, and an input of this plan's size would take %s: a network with this "
                    "layer runs at one size only",
                    l->name, p->name, has, wants);
}

/* A layer's parameters were laid out for the network's own size; where they would be others at the plan's, it cannot run. */
static yl_status check_params(const yl_net *net, const yl_layer *l, const yl_shape *in)
{
    yl_param params[YL_MAX_PARAMS];
    int count;
    YL_TRY(l->kind->params(l, in, params, &count));
    if (count != l->n_params) return yl__fail(YL_INVALID, "%s: other parameters than it was built with", l->name);
    for (int k = 0; k < count; k++) {
        const yl_range *range = &net->ranges[l->params[k]];
        bool same = range->n_dims == params[k].n_dims;
        for (int d = 0; same && d < range->n_dims; d++) same = range->dims[d] == params[k].dims[d];
        if (!same) return other_params(l, range, &params[k]);
    }
    return YL_OK;
}

static yl_status check_all_params(const yl_plan *plan, const yl_shape *shapes)
{
    const yl_net *net = plan->net;
    yl_shape in[YL_MAX_INPUTS], input = plan->values[0].shape;
    yl_status status = YL_OK;
    if (plan->options.h == net->h && plan->options.w == net->w) return YL_OK;
    for (int i = 0; i < net->n_layers && status == YL_OK; i++) {
        if (!net->layers[i].kind->params) continue;
        yl_net_inputs(net, i, shapes, input, in);
        in[0].n = 1; /* as when they were laid out */
        status = check_params(net, &net->layers[i], in);
    }
    return status;
}

/* Marks the layers that options.outputs names. */
static yl_status find_shown(yl_plan *plan)
{
    const char *at = plan->options.outputs ? plan->options.outputs : "";
    plan->options.outputs = NULL; /* the caller's memory */
    while (*at) {
        char name[YL_NAME];
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        int layer = length < sizeof name ? yl_net_find_layer(plan->net, name) : -1;
        if (layer < 0) return yl__fail(YL_INVALID, "plan: outputs: the network has no layer '%s'", name);
        plan->shown[layer] = true;
        at += length + (at[length] == ',');
    }
    return YL_OK;
}

static yl_status allocate(yl_plan *plan, const yl_shape *shapes)
{
    const yl_net *net = plan->net;
    YL_TRY(yl__calloc(net->n_layers, sizeof *plan->steps, &plan->steps));
    YL_TRY(yl__calloc(net->n_layers + 1, sizeof *plan->values, &plan->values));
    YL_TRY(yl__calloc(net->n_layers, sizeof *plan->needs_grad, &plan->needs_grad));
    YL_TRY(yl__calloc(net->n_layers, sizeof *plan->reaches_loss, &plan->reaches_loss));
    YL_TRY(yl__calloc(net->n_layers, sizeof *plan->shown, &plan->shown));
    YL_TRY(yl__calloc(net->n_layers + 1, sizeof *plan->cut, &plan->cut));
    YL_TRY(yl__calloc(net->n_layers, sizeof *plan->again, &plan->again));
    plan->values[0].shape = (yl_shape){plan->options.batch, plan->options.h, plan->options.w, net->c};
    for (int i = 0; i < net->n_layers; i++) plan->values[i + 1].shape = shapes[i];
    return YL_OK;
}

static yl_status build(yl_plan *plan, const yl_shape *shapes)
{
    yl_net *net = plan->net;
    yl_slab *slab;
    YL_TRY(allocate(plan, shapes));
    YL_TRY(find_shown(plan));
    YL_TRY(yl_net_slab(net, plan->slab_name, &slab));
    if (plan->options.mode == YL_TRAIN) YL_TRY(yl_net_slab(net, "grad", &slab));
    YL_TRY(check_all_params(plan, shapes));
    find_trainable(plan);
    find_reaching_loss(plan);
    find_cut(plan);
    plan->slice = slice_of(plan);
    YL_TRY(make_steps(plan, shapes));
    YL_TRY(yl__plan_fake_prepare(plan));
    YL_TRY(net->device->alloc(net->device, 2 * (size_t)plan->n_steps * sizeof *plan->parts, (void **)&plan->parts));
    YL_TRY(net->device->alloc(net->device, sizeof *plan->now, (void **)&plan->now));
    for (int i = 0; i < net->n_layers; i++) plan->on_host |= net->layers[i].kind->context != NULL;
    YL_TRY(yl__plan_place(plan));
    return yl__plan_grow(plan);
}

static const char *precision_name(yl_dtype type)
{
    return type == YL_U8 ? "int8" : yl_dtype_name(type);
}

/* The one place that asks whether the device can: layers and kernels take the type that they are told. */
static yl_status check_precision(const yl_device *device, yl_dtype precision)
{
    unsigned can = device->dtypes | device->factors;
    char known[64] = "";
    if (can >> precision & 1) return YL_OK;
    for (int t = 0; t <= YL_U8; t++)
        if (can >> t & 1)
            snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? " or " : "",
                     precision_name((yl_dtype)t));
    return yl__fail(YL_UNSUPPORTED, "plan: precision %s is not available on %s%s: expected %s",
                    precision_name(precision), device->name,
                    device->host_memory && precision == YL_BF16 ? ", which has no AVX512-BF16" : "", known);
}

/* What int8 is for: all of an inference, with the values that the network was calibrated with. */
static yl_status check_int8(const yl_net *net, const yl_plan_options *o)
{
    if (o->precision != YL_U8) return YL_OK;
    if (o->mode == YL_TRAIN || o->part != YL_WHOLE || o->estimate)
        return yl__fail(YL_INVALID, "plan: precision int8 is for inference; a training runs in f32");
    if (o->slab && strcmp(o->slab, "value") != 0)
        return yl__fail(YL_INVALID, "plan: precision int8 runs with the values, not with the slab '%s'", o->slab);
    return yl_calibration_check(net);
}

static yl_status check_quantise(yl_net *net, const yl_plan_options *o)
{
    if (!o->quantise) return YL_OK;
    if (!net->device->host_memory)
        return yl__fail(YL_UNSUPPORTED, "plan: quantise: expected device=cpu, got %s", net->device->name);
    if (o->precision != YL_F32) return yl__fail(YL_INVALID, "plan: quantise is of precision f32");
    if (o->keep || o->estimate) return yl__fail(YL_INVALID, "plan: quantise: expected neither keep nor estimate");
    if (net->calibration) net->calibration->follows = true; /* weights will change, and be made for it */
    return yl_calibration_check(net);
}

/* Looks at a plan of precision int8: which of its values are bytes, or are read as bytes, and which layers compute with them. */
static yl_status find_fakes(yl_plan *plan)
{
    yl_net *net = plan->net;
    yl_plan *bytes;
    yl_plan_options o = {.mode = YL_INFER,
                         .precision = YL_U8,
                         .batch = 1,
                         .h = plan->options.h,
                         .w = plan->options.w,
                         .algorithm = "predicted"};
    if (!plan->options.quantise) return YL_OK;
    YL_TRY(yl__calloc(net->n_layers + 1, sizeof *plan->fakes, &plan->fakes));
    YL_TRY(yl_plan_create(net, &o, &bytes));
    for (int v = 0; v <= net->n_layers; v++)
        plan->fakes[v].value = yl_plan_is_bytes(bytes, v - 1, &plan->fakes[v].quant);
    for (int s = 0; s < bytes->n_steps; s++) {
        const yl_plan_step *step = &bytes->steps[s];
        const yl_layer *l = &net->layers[step->layer];
        yl_quant quant;
        plan->fakes[step->layer + 1].weights = l->n_params > 0 && yl_plan_computes_bytes(bytes, step->layer, &quant);
        for (int k = 0; k < l->n_inputs && step->setting.dtype == YL_U8; k++)
            plan->fakes[l->inputs[k] + 1].value = true;
    }
    yl_plan_free(bytes);
    return YL_OK;
}

yl_status yl_plan_create(yl_net *net, const yl_plan_options *options, yl_plan **out)
{
    if (!net->finished) return yl__fail(YL_INVALID, "plan: the network is not finished");
    YL_TRY(yl__net_runnable(net, "plan"));
    if (options->batch < 1 || options->batch > 65536)
        return yl__fail(YL_INVALID, "plan: expected a batch in 1..65536, got %lld", (long long)options->batch);
    YL_TRY(check_precision(net->device, options->precision));
    YL_TRY(check_int8(net, options));
    YL_TRY(check_quantise(net, options));
    if (options->estimate && options->mode == YL_TRAIN)
        return yl__fail(YL_INVALID, "plan: estimate: expected the mode infer; training moves statistics by itself");
    if (options->slab && strcmp(options->slab, "value") != 0 && strcmp(options->slab, "ema") != 0)
        return yl__fail(YL_INVALID, "plan: expected the slab value or ema, got '%s'", options->slab);
    yl_plan *plan;
    YL_TRY(yl__calloc(1, sizeof *plan, &plan));
    plan->net = net;
    plan->options = *options;
    plan->type = net->device->dtypes >> options->precision & 1 ? options->precision : YL_F32;
    plan->ctx = yl__ctx(net->device);
    if (!plan->options.h) plan->options.h = net->h;
    if (!plan->options.w) plan->options.w = net->w;
    snprintf(plan->slab_name, sizeof plan->slab_name, "%s", options->slab ? options->slab : "value");
    snprintf(plan->algorithm, sizeof plan->algorithm, "%s", options->algorithm ? options->algorithm : "auto");
    net->references++;
    yl_shape *shapes = NULL;
    yl_status status = find_fakes(plan);
    yl__net_busy(net, 1);
    if (status == YL_OK) status = yl__alloc(net->n_layers, sizeof *shapes, &shapes);
    if (status == YL_OK) {
        status = yl_net_shapes(net, plan->options.batch, plan->options.h, plan->options.w, shapes);
        if (status == YL_OK) status = build(plan, shapes);
        yl__free(shapes);
    }
    yl__net_busy(net, -1);
    if (status != YL_OK)
        yl_plan_free(plan);
    else
        *out = plan;
    return status;
}

void yl_plan_free(yl_plan *plan)
{
    if (!plan) return;
    yl_device *device = plan->net->device;
    if (plan->net->workspace.holder == plan) plan->net->workspace.holder = NULL;
    for (int i = 0; plan->steps && i < plan->n_steps; i++) {
        yl__plan_unprepare(plan, &plan->steps[i]);
        device->release(device, plan->steps[i].fake_weights);
    }
    for (int i = 0; i < 3; i++) yl__graph_free(device, &plan->graphs[i]);
    device->release(device, plan->now);
    device->release(device, plan->parts);
    device->release(device, plan->truth);
    yl_net_free(plan->net);
    yl__free(plan->steps);
    yl__free(plan->values);
    yl__free(plan->needs_grad);
    yl__free(plan->reaches_loss);
    yl__free(plan->shown);
    yl__free(plan->places);
    yl__free(plan->cut);
    yl__free(plan->again);
    yl__free(plan->fakes);
    yl__free(plan);
}

yl_status yl__plan_runnable(const yl_plan *plan, const char *what)
{
    return yl__net_runnable(plan->net, what);
}

yl_plan_memory yl_plan_bytes(const yl_plan *plan)
{
    size_t scratch = 0;
    for (int s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].needs.scratch > scratch) scratch = plan->steps[s].needs.scratch;
    return (yl_plan_memory){plan->arena_bytes, scratch, plan->packed_bytes};
}

const char *yl_plan_algorithm(const yl_plan *plan, int layer, int direction)
{
    for (int i = 0; i < plan->n_steps; i++) {
        const yl_layer_kind *kind = plan->net->layers[plan->steps[i].layer].kind;
        if (plan->steps[i].layer == layer && kind->algorithm)
            return kind->algorithm(plan->steps[i].prepared, direction);
    }
    return NULL;
}

void yl_plan_timing(yl_plan *plan, bool on)
{
    plan->timing = on;
}

double yl_plan_seconds(const yl_plan *plan, int layer, bool backward)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].layer == layer) return plan->steps[i].seconds[backward];
    return 0;
}

yl_dtype yl_plan_type(const yl_plan *plan)
{
    return plan->type;
}

const yl_plan_options *yl_plan_get_options(const yl_plan *plan)
{
    return &plan->options;
}
