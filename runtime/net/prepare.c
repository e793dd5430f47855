/* What a plan's steps need, prepared for the values as they are: an algorithm may suit weights of which most are zero, and no others. */
#include "net/plan_impl.h"
#include "core/memory.h"

/* The step's weights, where a layer may look at them. */
static const float *weights_of(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_net *net = plan->net;
    const yl_layer *layer = &net->layers[step->layer];
    const yl_slab *slab = yl_net_has_slab(net, plan->slab_name);
    if (step->setting.mode != YL_INFER || !net->device->host_memory || !layer->n_params || !slab) return NULL;
    return yl_net_at(slab, &net->ranges[layer->params[0]]);
}

yl_status yl__plan_prepare(yl_plan *plan, yl_plan_step *step)
{
    const yl_layer *layer = &plan->net->layers[step->layer];
    const yl_layer_kind *kind = layer->kind;
    step->setting.weights = weights_of(plan, step);
    step->values_version = yl__plan_version(plan->net, step);
    YL_TRY(yl__calloc(1, kind->prepared_size, &step->prepared));
    if (kind->prepare) YL_TRY(kind->prepare(layer, &step->setting, step->prepared, &step->needs));
    if (step->needs.packed) {
        yl_device *device = plan->net->device;
        YL_TRY(device->alloc(device, step->needs.packed, &step->packed));
    }
    plan->packed_bytes += step->needs.packed;
    return YL_OK;
}

void yl__plan_unprepare(yl_plan *plan, yl_plan_step *step)
{
    const yl_layer *layer = &plan->net->layers[step->layer];
    if (layer->kind->release && step->prepared) layer->kind->release(layer, step->prepared);
    yl__free(step->prepared);
    plan->net->device->release(plan->net->device, step->packed);
    plan->packed_bytes -= step->needs.packed;
    step->prepared = step->packed = NULL;
    step->packed_version = 0;
    step->needs = (yl_needs){0};
}

/* What the arena holds is moved over; plans made earlier notice and bind anew. */
yl_status yl__plan_grow(const yl_plan *plan)
{
    yl_device *device = plan->net->device;
    yl_workspace *w = &plan->net->workspace;
    if (plan->arena_bytes <= w->arena_bytes) return YL_OK;
    void *fresh;
    YL_TRY(device->alloc(device, plan->arena_bytes, &fresh));
    yl_status status = w->holder ? device->copy(device, fresh, w->arena, w->arena_bytes) : YL_OK;
    device->release(device, status == YL_OK ? w->arena : fresh);
    YL_TRY(status);
    w->arena = fresh;
    w->arena_bytes = plan->arena_bytes;
    return YL_OK;
}

static bool outdated(const yl_plan *plan, yl_plan_step *step)
{
    const yl_layer *layer = &plan->net->layers[step->layer];
    uint64_t now = yl__plan_version(plan->net, step);
    if (!layer->kind->suits || step->setting.mode != YL_INFER || (step->prepared && step->values_version == now))
        return false;
    step->values_version = now;
    step->setting.weights = weights_of(plan, step);
    return !step->prepared || !layer->kind->suits(layer, &step->setting, step->prepared);
}

yl_status yl__plan_reconsider(yl_plan *plan)
{
    bool changed = false;
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        if (!outdated(plan, step)) continue;
        plan->bound_arena = NULL; /* whatever happens now, passes point to what is gone */
        yl__plan_unprepare(plan, step);
        yl_status status = yl__plan_prepare(plan, step);
        if (status != YL_OK) yl__plan_unprepare(plan, step); /* the next call tries again */
        YL_TRY(status);
        changed = true;
    }
    if (!changed) return YL_OK;
    YL_TRY(yl__plan_lifetimes(plan)); /* its scratch may be another; what has been given stays where it is */
    YL_TRY(yl__plan_offsets(plan));
    return yl__plan_grow(plan);
}
