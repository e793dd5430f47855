/* Plans that compute in f32 what bytes would (options.quantise): weights and activations take the numbers that their bytes stand for, and
 * gradients pass straight through to the weights themselves. Which values and weights these are, the network's calibration says. */
#include "net/plan_impl.h"

static const yl_fake *fake_output(const yl_plan *plan, const yl_plan_step *step)
{
    return plan->fakes && plan->fakes[step->output + 1].value ? &plan->fakes[step->output + 1] : NULL;
}

bool yl__plan_fakes_output(const yl_plan *plan, const yl_plan_step *step)
{
    return fake_output(plan, step) != NULL;
}

yl_status yl__plan_fake_prepare(yl_plan *plan)
{
    yl_net *net = plan->net;
    for (int s = 0; s < plan->n_steps && plan->fakes; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &net->layers[step->layer];
        if (!plan->fakes[step->layer + 1].weights) continue;
        size_t bytes = (size_t)net->ranges[l->params[0]].count * sizeof *step->fake_weights;
        YL_TRY(net->device->alloc(net->device, bytes, (void **)&step->fake_weights));
        plan->packed_bytes += bytes;
    }
    return YL_OK;
}

yl_status yl__plan_fake_weights(yl_plan *plan, yl_plan_step *step)
{
    const yl_net *net = plan->net;
    if (!step->fake_weights) return YL_OK;
    const yl_range *range = &net->ranges[net->layers[step->layer].params[0]];
    if (step->fake_version == range->version + 1) return YL_OK;
    const float *values = yl_net_at(yl_net_has_slab(net, plan->slab_name), range);
    YL_TRY(net->device->kernels->quant_fake_weights(&plan->ctx, range->dims[0], range->count / range->dims[0], values,
                                                    step->fake_weights));
    step->fake_version = range->version + 1;
    return YL_OK;
}

yl_status yl__plan_fake_given(const yl_plan *plan)
{
    for (int v = 0; v <= plan->net->n_layers && plan->fakes; v++) {
        const yl_value_info *value = &plan->values[v];
        yl_quant_geom g = {yl_shape_count(value->shape), plan->fakes[v].quant};
        if (!plan->fakes[v].value || value->producer >= 0 || value->place < 0) continue;
        YL_TRY(plan->net->device->kernels->quant_fake(&plan->ctx, &g, yl__plan_at(plan, value->place)));
    }
    return YL_OK;
}

yl_status yl__plan_fake_output(const yl_plan *plan, const yl_plan_step *step, void *y)
{
    const yl_fake *fake = fake_output(plan, step);
    if (!fake) return YL_OK;
    yl_quant_geom g = {yl_shape_count(step->setting.out), fake->quant};
    return plan->net->device->kernels->quant_fake(&plan->ctx, &g, y);
}

yl_status yl__plan_fake_backward(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_fake *fake = fake_output(plan, step);
    if (!fake) return YL_OK;
    yl_quant_geom g = {yl_shape_count(step->setting.out), fake->quant};
    void *dy = yl__plan_at(plan, plan->values[step->output + 1].grad_place);
    return plan->net->device->kernels->quant_fake_backward(&plan->ctx, &g, step->backward_pass.y, dy);
}
