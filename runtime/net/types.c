/* Of which type a plan's values are: of the plan's precision, but what a loss makes is f32. In a plan of precision int8 a value is bytes where a layer makes them that can, and another one reads
 * them; layers that know only f32 are given f32. */
#include "net/calibration.h"
#include "net/plan_impl.h"

static const yl_layer *layer_of(const yl_plan *plan, const yl_plan_step *step)
{
    return &plan->net->layers[step->layer];
}

static bool calibrated(const yl_plan *plan, int v)
{
    return plan->net->calibration->values[v].scale > 0;
}

static yl_quant_use use_of(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_layer *l = layer_of(plan, step);
    yl_quant_use use = l->kind->quantised ? l->kind->quantised(l, &step->setting) : YL_QUANT_NO;
    if (use == YL_QUANT_COMPUTES && plan->net->calibration->f32[step->layer]) return YL_QUANT_NO;
    for (int k = 0; k < l->n_inputs; k++)
        if (!calibrated(plan, l->inputs[k] + 1)) return YL_QUANT_NO;
    return use;
}

/* What moves bytes leaves them what they were. */
static void pass_on(yl_plan *plan)
{
    const yl_calibration *c = plan->net->calibration;
    for (int v = 0; v <= plan->net->n_layers; v++) plan->values[v].quant = c->values[v];
    for (int s = 0; s < plan->n_steps; s++) {
        const yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = layer_of(plan, step);
        if (l->n_inputs == 1 && use_of(plan, step) == YL_QUANT_KEEPS)
            plan->values[step->output + 1].quant = plan->values[l->inputs[0] + 1].quant;
    }
}

/* From the last step to the first: a value becomes bytes where a later step wants them and its own can write them. */
static void choose_bytes(yl_plan *plan)
{
    for (int v = 0; v <= plan->net->n_layers; v++) plan->values[v].type = YL_F32;
    for (int s = plan->n_steps - 1; s >= 0; s--) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = layer_of(plan, step);
        yl_value_info *out = &plan->values[step->output + 1];
        yl_quant_use use = use_of(plan, step);
        bool wanted = out->type == YL_U8; /* by a later step */
        if (use == YL_QUANT_NO || out->quant.scale <= 0) out->type = YL_F32;
        bool reads = use == YL_QUANT_COMPUTES || (use == YL_QUANT_KEEPS && wanted && out->quant.scale > 0);
        step->setting.dtype = reads ? YL_U8 : YL_F32;
        for (int k = 0; k < l->n_inputs && reads; k++) plan->values[l->inputs[k] + 1].type = YL_U8;
    }
    plan->values[0].type = YL_F32; /* as it is given */
}

static void tell_steps(yl_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = layer_of(plan, step);
        const yl_value_info *out = &plan->values[step->output + 1];
        step->setting.out_dtype = out->type;
        step->setting.out_quant = out->quant;
        for (int k = 0; k < l->n_inputs; k++) step->setting.in_quant[k] = plan->values[l->inputs[k] + 1].quant;
    }
}

/* Nothing turns what a loss makes into the type that a layer behind it would read. */
static yl_status check_inputs(const yl_plan *plan)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const yl_layer *l = layer_of(plan, &plan->steps[s]);
        for (int k = 0; k < l->n_inputs; k++)
            if (plan->values[l->inputs[k] + 1].type != plan->steps[s].setting.dtype)
                return yl__fail(YL_UNSUPPORTED,
                                "plan: %s reads the output of %s, which is f32: expected precision=f32, got %s",
                                l->name, plan->net->layers[l->inputs[k]].name, yl_dtype_name(plan->options.precision));
    }
    return YL_OK;
}

yl_status yl__plan_types(yl_plan *plan)
{
    if (plan->type == YL_U8) {
        pass_on(plan);
        choose_bytes(plan);
        tell_steps(plan);
        return YL_OK;
    }
    for (int v = 0; v <= plan->net->n_layers; v++)
        plan->values[v].type = v > 0 && plan->net->layers[v - 1].kind->loss_parts ? YL_F32 : plan->type;
    for (int s = 0; s < plan->n_steps; s++) {
        plan->steps[s].setting.dtype = plan->type;
        plan->steps[s].setting.out_dtype = plan->values[plan->steps[s].output + 1].type;
    }
    return check_inputs(plan);
}

yl_status yl__plan_turn(const yl_plan *plan, const yl_plan_step *step, const yl_pass *pass, const void *const *given)
{
    const yl_kernels *kernels = plan->net->device->kernels;
    const yl_setting *s = &step->setting;
    for (int k = 0; k < layer_of(plan, step)->n_inputs; k++) {
        void *to = (void *)pass->x[k];
        yl_quant_geom g = {yl_shape_count(s->in[k]), s->in_quant[k]};
        if (step->turned_place[k] < 0) continue;
        if (s->dtype == YL_U8)
            YL_TRY(kernels->quant_to_bytes(&plan->ctx, &g, given[k], to));
        else
            YL_TRY(kernels->quant_to_floats(&plan->ctx, &g, given[k], to));
    }
    return YL_OK;
}

bool yl_plan_is_bytes(const yl_plan *plan, int layer, yl_quant *quant)
{
    const yl_value_info *value = &plan->values[layer + 1];
    *quant = value->quant;
    return value->type == YL_U8;
}

bool yl_plan_computes_bytes(const yl_plan *plan, int layer, yl_quant *quant)
{
    for (int s = 0; s < plan->n_steps; s++) {
        const yl_plan_step *step = &plan->steps[s];
        if (step->layer != layer || step->setting.dtype != YL_U8) continue;
        *quant = step->setting.in_quant[0];
        return use_of(plan, step) == YL_QUANT_COMPUTES;
    }
    return false;
}
