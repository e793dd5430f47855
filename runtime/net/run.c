/* Running a plan: forward, losses, backward. Nothing is allocated here. */
#define _GNU_SOURCE
#include "net/plan_impl.h"

#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void bind_parameters(yl_plan *plan, const yl_plan_step *step, yl_pass *pass, const yl_slab *values,
                            const yl_slab *grads)
{
    const yl_net *net = plan->net;
    const yl_layer *l = &net->layers[step->layer];
    for (int k = 0; k < l->n_params; k++) {
        const yl_range *range = &net->ranges[l->params[k]];
        pass->range[k] = range;
        pass->param[k] = yl_net_at(values, range);
        pass->dparam[k] = step->setting.wants_dparams && !range->frozen ? yl_net_at(grads, range) : NULL;
    }
    const yl_layer *bn = step->setting.bn;
    for (int k = 0; bn && k < bn->n_params; k++) pass->bn_param[k] = yl_net_at(values, &net->ranges[bn->params[k]]);
}

static void bind_step(yl_plan *plan, yl_plan_step *step, const yl_slab *values, const yl_slab *grads)
{
    const yl_layer *l = &plan->net->layers[step->layer];
    yl_pass *f = &step->forward_pass, *b = &step->backward_pass;
    *f = (yl_pass){.ctx = &plan->ctx,
                   .layer = l,
                   .setting = &step->setting,
                   .prepared = step->prepared,
                   .packed = step->packed,
                   .state = yl__plan_at(plan, step->state_place),
                   .scratch = plan->net->workspace.scratch,
                   .layer_index = (uint32_t)step->layer};
    bind_parameters(plan, step, f, values, grads);
    *b = *f;
    const yl_value_info *out = &plan->values[step->output + 1];
    for (int k = 0; k < l->n_inputs; k++) {
        const yl_value_info *in = &plan->values[l->inputs[k] + 1];
        f->x[k] = b->x[k] = yl__plan_at(plan, in->place);
        b->dx[k] = step->backward ? yl__plan_at(plan, in->grad_place) : NULL;
        b->dx_beta[k] = step->dx_beta[k];
    }
    if (step->dx_dummy >= 0) b->dx[0] = yl__plan_at(plan, step->dx_dummy);
    f->y = b->y = yl__plan_at(plan, out->place);
    b->dy = yl__plan_at(plan, out->grad_place);
}

static void *data_of(const yl_slab *slab)
{
    return slab ? slab->data : NULL;
}

/* Do the passes point to where things are? */
static bool is_bound(const yl_plan *plan, const yl_slab *values, const yl_slab *grads)
{
    const yl_net *net = plan->net;
    return plan->bound_arena == net->workspace.arena && plan->bound_scratch == net->workspace.scratch &&
           plan->bound_values == data_of(values) && plan->bound_grads == data_of(grads);
}

yl_status yl__plan_bind(yl_plan *plan)
{
    const yl_net *net = plan->net;
    const yl_slab *values = yl_net_has_slab(net, plan->slab_name), *grads = yl_net_has_slab(net, "grad");
    if (!values) return yl__fail(YL_INVALID, "plan: the network no longer has the slab '%s'", plan->slab_name);
    if (is_bound(plan, values, grads)) return YL_OK;
    plan->ran = false;
    for (int s = 0; s < plan->n_steps; s++) bind_step(plan, &plan->steps[s], values, grads);
    plan->bound_arena = net->workspace.arena;
    plan->bound_scratch = net->workspace.scratch;
    plan->bound_values = values->data;
    plan->bound_grads = data_of(grads);
    return YL_OK;
}

/* Sum of the versions of all ranges that go into a step's packed weights. */
static uint64_t version(const yl_net *net, const yl_plan_step *step)
{
    const yl_layer *from[2] = {&net->layers[step->layer], step->setting.bn};
    uint64_t sum = 1;
    for (int i = 0; i < 2; i++)
        for (int k = 0; from[i] && k < from[i]->n_params; k++) sum += net->ranges[from[i]->params[k]].version;
    return sum;
}

static yl_status refresh_packed(yl_plan *plan, yl_plan_step *step)
{
    if (!step->packed) return YL_OK;
    uint64_t wanted = version(plan->net, step);
    if (step->packed_version == wanted) return YL_OK;
    YL_TRY(plan->net->layers[step->layer].kind->pack(&step->forward_pass));
    step->packed_version = wanted;
    return YL_OK;
}

static yl_status forward(yl_plan *plan, const yl_step_info *info)
{
    YL_TRY(yl__plan_bind(plan));
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        YL_TRY(refresh_packed(plan, step));
        step->forward_pass.seed = step->backward_pass.seed = info->seed;
        step->forward_pass.step = step->backward_pass.step = info->step;
        step->forward_pass.update_statistics = step->setting.mode == YL_TRAIN && !info->hold_statistics;
        double start = plan->timing ? now() : 0;
        yl_status status = plan->net->layers[step->layer].kind->forward(&step->forward_pass);
        if (status != YL_OK) return yl__fail_in(status, "%s forward", plan->net->layers[step->layer].name);
        if (plan->timing) step->seconds[0] = now() - start;
    }
    plan->ran = true;
    return YL_OK;
}

yl_status yl_plan_forward(yl_plan *plan, const yl_step_info *info)
{
    YL_TRY(yl__plan_idle(plan, "forward"));
    yl__net_busy(plan->net, 1);
    yl_status status = forward(plan, info);
    yl__net_busy(plan->net, -1);
    return status;
}

/* A loss or a gradient is of what forward left, where forward left it. */
static yl_status check_ran(const yl_plan *plan, const char *what)
{
    const yl_slab *values = yl_net_has_slab(plan->net, plan->slab_name), *grads = yl_net_has_slab(plan->net, "grad");
    if (!plan->ran) return yl__fail(YL_INVALID, "%s: forward has to run before it", what);
    if (is_bound(plan, values, grads)) return YL_OK;
    return yl__fail(YL_INVALID, "%s: forward has to run again: a plan made or a slab dropped since moved its memory",
                    what);
}

static yl_status loss(yl_plan *plan, const yl_truth *truth, double (*parts)[YL_MAX_LOSS_PARTS])
{
    int k = 0;
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        if (!l->kind->loss_parts) continue;
        memset(parts[k], 0, sizeof parts[k]);
        yl_status status = l->kind->loss(&step->backward_pass, truth, parts[k++]);
        if (status != YL_OK) return yl__fail_in(status, "%s loss", l->name);
    }
    return YL_OK;
}

yl_status yl_plan_loss(yl_plan *plan, const yl_truth *truth, double (*parts)[YL_MAX_LOSS_PARTS])
{
    YL_TRY(yl__plan_idle(plan, "loss"));
    YL_TRY(check_ran(plan, "loss"));
    yl__net_busy(plan->net, 1);
    yl_status status = loss(plan, truth, parts);
    yl__net_busy(plan->net, -1);
    return status;
}

static yl_status seed_gradient(yl_plan *plan, const float *dy_last)
{
    const yl_value_info *last = &plan->values[plan->net->n_layers];
    void *to = yl__plan_at(plan, last->grad_place);
    if (!to) return yl__fail(YL_INVALID, "backward: the last layer takes no gradient in this plan");
    yl_device *device = plan->net->device;
    return device->to_device(device, to, dy_last, (size_t)yl_shape_count(last->shape) * sizeof(float));
}

static yl_status backward(yl_plan *plan)
{
    for (int s = plan->n_steps - 1; s >= 0; s--) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        if (!step->backward || l->kind->loss_parts) continue;
        double start = plan->timing ? now() : 0;
        yl_status status = l->kind->backward(&step->backward_pass);
        if (status != YL_OK) return yl__fail_in(status, "%s backward", l->name);
        if (plan->timing) step->seconds[1] = now() - start;
    }
    return YL_OK;
}

yl_status yl_plan_backward(yl_plan *plan, const float *dy_last)
{
    YL_TRY(yl__plan_idle(plan, "backward"));
    if (plan->options.mode != YL_TRAIN) return yl__fail(YL_INVALID, "backward: the plan was made for inference");
    YL_TRY(check_ran(plan, "backward"));
    if (dy_last) YL_TRY(seed_gradient(plan, dy_last));
    yl__net_busy(plan->net, 1);
    yl_status status = backward(plan);
    yl__net_busy(plan->net, -1);
    return status;
}
