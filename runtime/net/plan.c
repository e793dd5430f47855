/* What a plan says about itself. */
#include "net/plan_impl.h"

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
