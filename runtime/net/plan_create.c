/* Making a plan out of its steps, and taking it apart. */
#include "core/memory.h"
#include "core/text.h"
#include "net/plan_impl.h"

#include <stdio.h>
#include <string.h>

static yl_status other_params(const yl_layer *l, const yl_range *range, const yl_param *p)
{
    char has[128], wants[128];
    return yl__fail(YL_INVALID,
                    "%s: its %s has the sizes %s, and an input of this plan's size would take %s: a network with this "
                    "layer runs at one size only",
                    l->name, p->name, yl__shape_text(range->n_dims, range->dims, has, sizeof has),
                    yl__shape_text(p->n_dims, p->dims, wants, sizeof wants));
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
    YL_TRY(yl__plan_steps(plan, shapes));
    YL_TRY(yl__plan_types(plan));
    for (int s = 0; s < plan->n_steps; s++) YL_TRY(yl__plan_prepare(plan, &plan->steps[s]));
    YL_TRY(yl__plan_fake_prepare(plan));
    YL_TRY(net->device->alloc(net->device, 2 * (size_t)plan->n_steps * sizeof *plan->parts, (void **)&plan->parts));
    YL_TRY(net->device->alloc(net->device, sizeof *plan->now, (void **)&plan->now));
    for (int i = 0; i < net->n_layers; i++) plan->on_host |= net->layers[i].kind->context != NULL;
    YL_TRY(yl__plan_place(plan));
    return yl__plan_grow(plan);
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
    YL_TRY(yl__plan_check_options(net, options));
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
