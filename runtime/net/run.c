/* Running a plan: forward, losses, backward. Nothing is allocated here. */
#include "net/plan_impl.h"
#include "core/clock.h"
#include "net/share.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define AT(member) YL_MEMBER(yl_step_info, member)
static const yl_field info_fields[] = {
    {"seed", YL_OPTION_INT, "0", "", "seed of what is random", 0, INFINITY, NULL, NULL, AT(seed)},
    {"step", YL_OPTION_INT, "0", "", "which step this is: other random numbers in each", 0, UINT32_MAX, NULL, NULL,
     AT(step)},
    {"hold_statistics", YL_OPTION_BOOL, "false", "", "training leaves the running statistics alone", 0, 0, NULL, NULL,
     AT(hold_statistics)},
    {"statistics_share", YL_OPTION_NUMBER, "0", "", "of this batch in the running statistics; 0: each layer's own", 0,
     1, NULL, NULL, AT(statistics_share)},
    {"first_image", YL_OPTION_INT, "0", "", "place of the first image in the step's batch", 0, UINT32_MAX, NULL, NULL,
     AT(first_image)},
    {"loss_scale", YL_OPTION_NUMBER, "1", "", "of the gradients that losses leave; precision=f16 alone has one",
     0x1p-24, 0x1p40, NULL, NULL, AT(loss_scale)},
};
const yl_field_table yl_step_info_fields = YL_FIELD_TABLE("forward", info_fields);

static void bind_parameters(yl_plan *plan, const yl_plan_step *step, yl_pass *pass, const yl_slab *values,
                            const yl_slab *grads)
{
    const yl_net *net = plan->net;
    const yl_layer *l = &net->layers[step->layer];
    for (int k = 0; k < l->n_params; k++) {
        const yl_range *range = &net->ranges[l->params[k]];
        pass->range[k] = range;
        pass->param[k] = k == 0 && step->fake_weights ? step->fake_weights : yl_net_at(values, range);
        pass->dparam[k] = step->setting.wants_dparams && !range->frozen ? yl_net_at(grads, range) : NULL;
    }
    for (int i = 0; i < YL_MAX_ABSORBED; i++) {
        const yl_layer *other = step->setting.absorbed[i];
        for (int k = 0; other && k < other->n_params; k++)
            pass->absorbed_param[i][k] = yl_net_at(values, &net->ranges[other->params[k]]);
    }
}

/* Where value v lies for that slice in that lane. */
static void *slice_at(const yl_plan *plan, int v, int64_t slice, int64_t lane)
{
    const yl_value_info *value = &plan->values[v];
    char *at = yl__plan_at_lane(plan, value->place, lane);
    if (!at || slice == 0 || !yl__plan_whole(plan, v)) return at;
    int64_t count = yl_shape_count(value->shape) / value->shape.n * plan->slice * slice;
    return at + (size_t)count * yl_dtype_bytes(value->type);
}

/* Points a pass to a slice, in a lane. given: inputs as values hold them. */
static void take_slice(const yl_plan *plan, const yl_plan_step *step, int64_t slice, int64_t lane, yl_pass *pass,
                       const void **given)
{
    const yl_layer *l = &plan->net->layers[step->layer];
    for (int k = 0; k < l->n_inputs; k++) {
        const void *turned = yl__plan_at_lane(plan, step->turned_place[k], lane);
        given[k] = slice_at(plan, l->inputs[k] + 1, slice, lane);
        pass->x[k] = turned ? turned : given[k];
    }
    pass->y = slice_at(plan, step->output + 1, slice, lane);
    pass->state = yl__plan_at_lane(plan, step->state_place, lane);
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
                   .scratch = yl__plan_at(plan, step->scratch_place[YL__CALL_FORWARD]),
                   .seed = plan->info.seed,
                   .step = plan->info.step,
                   .now = plan->now,
                   .layer_index = (uint32_t)step->layer};
    bind_parameters(plan, step, f, values, grads);
    const void *given[YL_MAX_INPUTS];
    take_slice(plan, step, 0, 0, f, given);
    *b = *f;
    b->scratch = yl__plan_at(plan, step->scratch_place[YL__CALL_BACKWARD]);
    const yl_value_info *out = &plan->values[step->output + 1];
    for (int k = 0; k < l->n_inputs; k++) {
        const yl_value_info *in = &plan->values[l->inputs[k] + 1];
        b->dx[k] = step->backward ? yl__plan_at(plan, in->grad_place) : NULL;
        b->dx_beta[k] = step->dx_beta[k];
    }
    if (step->dx_dummy >= 0) b->dx[0] = yl__plan_at(plan, step->dx_dummy);
    b->dy = yl__plan_at(plan, out->grad_place);
    for (int k = 0; k < l->n_inputs; k++) {
        const yl_value_info *in = &plan->values[l->inputs[k] + 1];
        if (in->dropped) b->x[k] = yl__plan_at(plan, in->again);
    }
    if (out->dropped) b->y = yl__plan_at(plan, out->again);
}

static void *data_of(const yl_slab *slab)
{
    return slab ? slab->data : NULL;
}

/* Do the passes point to where things are? */
static bool is_bound(const yl_plan *plan, const yl_slab *values, const yl_slab *grads)
{
    const yl_net *net = plan->net;
    return plan->bound_arena == net->workspace.arena && plan->bound_values == data_of(values) &&
           plan->bound_grads == data_of(grads);
}

/* Fills the passes' pointers where the arena or slabs moved. A gradient slab that was dropped is made again. */
static yl_status bind(yl_plan *plan)
{
    yl_net *net = plan->net;
    yl_slab *values = yl_net_has_slab(net, plan->slab_name), *grads = NULL;
    if (!values) return yl__fail(YL_INVALID, "plan: the network no longer has the slab '%s'", plan->slab_name);
    if (plan->options.mode == YL_TRAIN) YL_TRY(yl_net_slab(net, "grad", &grads));
    if (is_bound(plan, values, grads)) return YL_OK;
    for (int s = 0; s < plan->n_steps; s++) bind_step(plan, &plan->steps[s], values, grads);
    plan->bound_arena = net->workspace.arena;
    plan->bound_values = values->data;
    plan->bound_grads = data_of(grads);
    return YL_OK;
}

static yl_status refresh_packed(yl_plan *plan, yl_plan_step *step)
{
    if (!step->packed) return YL_OK;
    uint64_t wanted = yl__plan_version(plan->net, step);
    if (step->packed_version == wanted) return YL_OK;
    YL_TRY(plan->net->layers[step->layer].kind->pack(&step->forward_pass));
    step->packed_version = wanted;
    return YL_OK;
}

/* Running statistics have moved: plans that fold them into weights pack anew. */
static void count_statistics(yl_net *net, int layer)
{
    const yl_layer *l = &net->layers[layer];
    for (int k = 0; k < l->n_params; k++)
        if (net->ranges[l->params[k]].kind == YL_STATISTIC) net->ranges[l->params[k]].version++;
}

/* With timing on, a layer's time is that from an idle device to an idle device. */
static yl_status look_at_clock(const yl_plan *plan, double *now)
{
    *now = 0;
    if (!plan->timing) return YL_OK;
    YL_TRY(plan->net->device->sync(plan->net->device));
    *now = yl__now();
    return YL_OK;
}

static yl_status note_time(const yl_plan *plan, yl_plan_step *step, int direction, double start)
{
    double now;
    YL_TRY(look_at_clock(plan, &now));
    if (plan->timing) step->seconds[direction] += now - start;
    return YL_OK;
}

static void clear_times(yl_plan *plan, int direction)
{
    for (int s = 0; s < plan->n_steps && plan->timing; s++) plan->steps[s].seconds[direction] = 0;
}

/* Runs a part of the step, of which `key` says what is not said by where things lie; with timing on, call by call. */
enum { FORWARD, LOSSES, BACKWARD };
static yl_status run_part(yl_plan *plan, int part, yl_graph_key key, yl_status (*run)(void *plan))
{
    if (plan->timing || plan->on_host) return run(plan);
    key.at[0] = plan->bound_arena, key.at[1] = plan->bound_values, key.at[2] = plan->bound_grads;
    return yl__graph_run(plan->net->device, &plan->graphs[part], &key, run, plan);
}

/* The last lane has as many slices as any: its times are noted. */
static yl_status forward_slice(yl_plan *plan, int64_t slice, int64_t lane)
{
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        yl_pass pass = step->forward_pass;
        const void *given[YL_MAX_INPUTS];
        double start;
        take_slice(plan, step, slice, lane, &pass, given);
        pass.scratch = yl__plan_at_lane(plan, step->scratch_place[YL__CALL_FORWARD], lane);
        YL_TRY(look_at_clock(plan, &start));
        yl_status status = yl__plan_turn(plan, step, &pass, given);
        if (status == YL_OK) status = plan->net->layers[step->layer].kind->forward(&pass);
        if (status == YL_OK) status = yl__plan_fake_output(plan, step, pass.y);
        if (status != YL_OK) return yl__fail_in(status, "%s forward", plan->net->layers[step->layer].name);
        if (lane == plan->lanes - 1) YL_TRY(note_time(plan, step, 0, start));
    }
    return YL_OK;
}

static yl_status forward_lane(yl_plan *plan, int64_t lane)
{
    int64_t slices = plan->options.batch / plan->slice;
    for (int64_t q = slices * lane / plan->lanes; q < slices * (lane + 1) / plan->lanes; q++)
        YL_TRY(forward_slice(plan, q, lane));
    return YL_OK;
}

/* All lanes at the same time. Each thread has its own sentence of what failed: the last one is handed on. */
static yl_status forward_lanes(yl_plan *plan)
{
    yl_status failed = YL_OK;
    char said[1024];
#pragma omp parallel for num_threads((int)plan->lanes) schedule(static)
    for (int64_t lane = 0; lane < plan->lanes; lane++) {
        yl_status status = forward_lane(plan, lane);
        if (status == YL_OK) continue;
#pragma omp critical(forward_lanes)
        {
            failed = status;
            snprintf(said, sizeof said, "%s", yl_error());
        }
    }
    return failed == YL_OK ? YL_OK : yl__fail(failed, "%s", said);
}

static yl_status call_forward(void *of)
{
    yl_plan *plan = of;
    clear_times(plan, 0);
    YL_TRY(yl__plan_fake_given(plan));
    return plan->lanes > 1 ? forward_lanes(plan) : forward_lane(plan, 0);
}

/* 0 is what a struct has whose caller knows of none. */
static float loss_scale(const yl_step_info *info)
{
    return info->loss_scale > 0 ? (float)info->loss_scale : 1;
}

static yl_status run_forward(yl_plan *plan)
{
    const yl_step_info *info = &plan->info;
    yl_now now = {info->seed, info->step, (float)info->statistics_share, loss_scale(info), info->first_image};
    YL_TRY(plan->net->device->to_device(plan->net->device, plan->now, &now, sizeof now));
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        YL_TRY(yl__plan_fake_weights(plan, step));
        YL_TRY(refresh_packed(plan, step));
        step->forward_pass.seed = step->backward_pass.seed = info->seed;
        step->forward_pass.step = step->backward_pass.step = info->step;
        step->forward_pass.ranks = step->backward_pass.ranks = yl__share_sync(plan->net);
        step->forward_pass.update_statistics = step->setting.mode == YL_TRAIN && !info->hold_statistics;
    }
    yl_status status = run_part(plan, FORWARD, (yl_graph_key){.numbers = {info->hold_statistics}}, call_forward);
    for (int s = 0; s < plan->n_steps; s++)
        if (plan->steps[s].forward_pass.update_statistics) count_statistics(plan->net, plan->steps[s].layer);
    return status;
}

yl_status yl_plan_forward(yl_plan *plan, const yl_step_info *info)
{
    YL_TRY(yl__net_runnable(plan->net, "forward"));
    if (plan->n_given == 0) YL_TRY(yl__plan_take(plan, "forward"));
    YL_TRY(yl__plan_check(plan, YL__FED, "forward"));
    if (loss_scale(info) != 1 && plan->options.precision != YL_F16)
        return yl__fail(YL_INVALID, "forward: loss_scale: only plans of precision f16 scale their losses");
    YL_TRY(yl__plan_reconsider(plan));
    YL_TRY(bind(plan));
    if (plan->options.mode == YL_TRAIN && !info->hold_statistics) YL_TRY(yl__share_forward(plan->net));
    plan->stage = YL__FED;
    plan->info = *info;
    yl__net_busy(plan->net, 1);
    yl_status status = run_forward(plan);
    yl__net_busy(plan->net, -1);
    if (status == YL_OK) plan->stage = YL__FORWARD;
    return status;
}

/* The truth in device memory, in room of the plan's that grows with it. */
static yl_status lend_truth(yl_plan *plan, const yl_truth *truth, yl_truth *lent)
{
    yl_device *device = plan->net->device;
    size_t counts = (size_t)truth->n * sizeof *truth->counts;
    size_t rows = (size_t)(truth->n * truth->cap * yl_truth_fields(truth)) * sizeof *truth->rows,
           at = (counts + 63) / 64 * 64;
    *lent = *truth;
    if (device->host_memory) return YL_OK;
    if (at + rows > plan->truth_bytes) {
        device->release(device, plan->truth);
        plan->truth = NULL, plan->truth_bytes = 0;
        YL_TRY(device->alloc(device, at + rows, &plan->truth));
        plan->truth_bytes = at + rows;
    }
    YL_TRY(device->to_device(device, plan->truth, truth->counts, counts));
    lent->counts = plan->truth;
    lent->rows = (const float *)((char *)plan->truth + at);
    return device->to_device(device, (char *)plan->truth + at, truth->rows, rows);
}

static yl_status losses_of(yl_plan *plan, const yl_truth *truth, double (*parts)[YL_MAX_LOSS_PARTS])
{
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        if (!l->kind->loss_parts) continue;
        yl_status status = l->kind->loss(&step->backward_pass, truth, *parts++);
        if (status != YL_OK) return yl__fail_in(status, "%s loss", l->name);
    }
    return YL_OK;
}

/* In slices, which are on the host: the parts of each are written behind the sums, where there is room for them. */
static yl_status losses_by_slices(yl_plan *plan)
{
    double(*sums)[YL_MAX_LOSS_PARTS] = plan->parts, (*own)[YL_MAX_LOSS_PARTS] = plan->parts + plan->n_steps;
    for (int64_t q = 0; q < plan->options.batch / plan->slice; q++) {
        yl_truth truth = plan->lent;
        truth.n = plan->slice;
        truth.rows = yl_truth_row(&truth, q * plan->slice, 0), truth.counts += q * plan->slice;
        const void *given[YL_MAX_INPUTS];
        for (int s = 0; s < plan->n_steps; s++)
            take_slice(plan, &plan->steps[s], q, 0, &plan->steps[s].backward_pass, given);
        YL_TRY(losses_of(plan, &truth, own));
        for (int k = 0; k < plan->n_steps; k++)
            for (int i = 0; i < YL_MAX_LOSS_PARTS; i++) sums[k][i] += own[k][i];
    }
    return YL_OK;
}

static yl_status call_losses(void *of)
{
    yl_plan *plan = of;
    yl_device *device = plan->net->device;
    YL_TRY(device->zero(device, plan->parts, 2 * (size_t)plan->n_steps * sizeof *plan->parts));
    return plan->slice == plan->options.batch ? losses_of(plan, &plan->lent, plan->parts) : losses_by_slices(plan);
}

/* The losses leave their parts in device memory, which is read once for all of them. */
static yl_status run_losses(yl_plan *plan, const yl_truth *given, double (*parts)[YL_MAX_LOSS_PARTS])
{
    yl_device *device = plan->net->device;
    size_t losses = 0;
    YL_TRY(lend_truth(plan, given, &plan->lent));
    yl_graph_key key = {.at = {[3] = plan->lent.rows, [4] = plan->lent.counts},
                        .numbers = {(uint64_t)plan->lent.n, (uint64_t)plan->lent.cap, (uint64_t)plan->lent.attributes}};
    YL_TRY(run_part(plan, LOSSES, key, call_losses));
    for (int s = 0; s < plan->n_steps; s++) losses += plan->net->layers[plan->steps[s].layer].kind->loss_parts != NULL;
    return device->from_device(device, parts, plan->parts, losses * sizeof *parts);
}

/* The gradients that a caller may add to before backward begin as zeros. */
static yl_status clear_shown(yl_plan *plan)
{
    yl_device *device = plan->net->device;
    for (int v = 1; v < plan->net->n_layers; v++) {
        yl_view gradient = yl__plan_gradient_view(plan, v);
        bool given = plan->shown[v - 1] && gradient.data && !plan->net->layers[v - 1].kind->loss_parts;
        if (given) YL_TRY(device->zero(device, gradient.data, yl_view_bytes(gradient)));
    }
    return YL_OK;
}

yl_status yl_plan_loss(yl_plan *plan, const yl_truth *truth, double (*parts)[YL_MAX_LOSS_PARTS])
{
    YL_TRY(yl__net_runnable(plan->net, "loss"));
    YL_TRY(yl__plan_check(plan, YL__FORWARD, "loss"));
    YL_TRY(bind(plan));
    YL_TRY(clear_shown(plan));
    yl__net_busy(plan->net, 1);
    yl_status status = run_losses(plan, truth, parts);
    yl__net_busy(plan->net, -1);
    if (status == YL_OK && plan->stage == YL__FORWARD) plan->stage = YL__LOSS;
    return status;
}

static yl_status seed_gradient(yl_plan *plan, const float *dy_last)
{
    yl_view to = yl__plan_gradient_view(plan, plan->net->n_layers);
    if (!to.data) return yl__fail(YL_INVALID, "backward: the last layer takes no gradient in this plan");
    return yl_view_write(plan->net->device, to, dy_last);
}

/* Runs forward once more those steps, from plan->again[*next] on, that the backward of step s waits for. */
static yl_status repeat_steps(yl_plan *plan, int s, int *next)
{
    for (; *next < plan->n_again && plan->steps[plan->again[*next]].again_at == s; ++*next) {
        yl_plan_step *step = &plan->steps[plan->again[*next]];
        const yl_layer *l = &plan->net->layers[step->layer];
        yl_pass pass = step->forward_pass;
        double start;
        for (int k = 0; k < l->n_inputs; k++) pass.x[k] = step->backward_pass.x[k];
        pass.y = step->backward_pass.y;
        pass.scratch = yl__plan_at(plan, step->scratch_place[YL__CALL_AGAIN]);
        pass.again = true, pass.update_statistics = false;
        YL_TRY(look_at_clock(plan, &start));
        yl_status status = l->kind->forward(&pass);
        if (status == YL_OK) status = yl__plan_fake_output(plan, step, pass.y);
        if (status != YL_OK) return yl__fail_in(status, "%s forward", l->name);
        YL_TRY(note_time(plan, step, 1, start));
    }
    return YL_OK;
}

static yl_status call_backward(void *of)
{
    yl_plan *plan = of;
    int next = 0;
    clear_times(plan, 1);
    for (int s = plan->n_steps - 1; s >= 0; s--) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        if (!step->backward || l->kind->loss_parts) continue;
        double start;
        YL_TRY(repeat_steps(plan, s, &next));
        YL_TRY(look_at_clock(plan, &start));
        yl_status status = yl__plan_fake_backward(plan, step);
        if (status == YL_OK) status = l->kind->backward(&step->backward_pass);
        if (status != YL_OK) return yl__fail_in(status, "%s backward", l->name);
        YL_TRY(note_time(plan, step, 1, start));
        YL_TRY(yl__share_layer(plan->net, step->layer));
    }
    return YL_OK;
}

/* Is there what the gradient starts from? Losses have left it, or the caller gives it. */
static yl_status check_start(const yl_plan *plan, const float *dy_last)
{
    bool losses = false, any = false;
    for (int s = 0; s < plan->n_steps; s++) {
        losses |= plan->net->layers[plan->steps[s].layer].kind->loss_parts != NULL;
        any |= plan->steps[s].backward;
    }
    if (losses) return yl__plan_check(plan, YL__LOSS, "backward");
    YL_TRY(yl__plan_check(plan, YL__FORWARD, "backward"));
    if (dy_last || !any) return YL_OK;
    return yl__fail(YL_INVALID, "backward: the network has no loss: expected the gradient of the last layer's output");
}

yl_status yl_plan_backward(yl_plan *plan, const float *dy_last)
{
    if (plan->options.mode != YL_TRAIN) return yl__fail(YL_INVALID, "backward: the plan was made for inference");
    YL_TRY(yl__net_runnable(plan->net, "backward"));
    YL_TRY(check_start(plan, dy_last));
    if (plan->stage == YL__BACKWARD)
        return yl__fail(YL_INVALID, "backward: run forward again: the last backward consumed its results");
    YL_TRY(bind(plan));
    if (plan->stage == YL__FORWARD) YL_TRY(clear_shown(plan));
    if (dy_last) YL_TRY(seed_gradient(plan, dy_last));
    YL_TRY(yl__share_begin(plan->net));
    plan->stage = YL__BACKWARD;
    yl__net_busy(plan->net, 1);
    yl_status status = run_part(plan, BACKWARD, (yl_graph_key){0}, call_backward);
    yl__net_busy(plan->net, -1);
    return status == YL_OK ? yl__share_end(plan->net) : status;
}

int yl_plan_captured(const yl_plan *plan)
{
    int count = 0;
    for (int i = 0; i < 3; i++) count += plan->graphs[i].captured != NULL;
    return count;
}
