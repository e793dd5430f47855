/* Where a plan's activations, gradients and per-step state lie in the arena: lifetimes first, then first fit by size. */
#include "net/plan_impl.h"
#include "core/memory.h"

#include <stdlib.h>

static void use(yl_plan *plan, int place, int moment)
{
    if (place < 0) return;
    yl_place *p = &plan->places[place];
    if (moment < p->first) p->first = moment;
    if (moment > p->last) p->last = moment;
}

static yl_status new_place(yl_plan *plan, size_t bytes, bool whole, int *out)
{
    YL_TRY(yl__reserve(plan->n_places + 1, &plan->place_capacity, sizeof *plan->places, &plan->places));
    bytes = (bytes + YL_ALIGNMENT - 1) / YL_ALIGNMENT * YL_ALIGNMENT;
    plan->places[plan->n_places] =
        (yl_place){.bytes = bytes, .first = 1 << 30, .last = -1, .own = plan->lanes > 1 && !whole};
    *out = plan->n_places++;
    return YL_OK;
}

/* What a call of a layer works in. */
static yl_status place_scratch(yl_plan *plan, yl_plan_step *step, int call, int moment)
{
    if (!step->needs.scratch) return YL_OK;
    YL_TRY(new_place(plan, step->needs.scratch, false, &step->scratch_place[call]));
    use(plan, step->scratch_place[call], moment);
    return YL_OK;
}

static unsigned reads(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_layer *l = &plan->net->layers[step->layer];
    unsigned read = step->backward && l->kind->reads ? l->kind->reads(l) : YL_READS_NOTHING;
    bool whole = l->kind->loss_parts || (step->backward && yl__plan_fakes_output(plan, step));
    return whole ? read | YL_READS_Y : read;
}

bool yl__plan_kept(const yl_plan *plan, int v)
{
    if (plan->options.keep || v == plan->net->n_layers) return true;
    if (v > 0 && (plan->net->layers[v - 1].kind->loss_parts || plan->shown[v - 1])) return true;
    for (int i = 0; i < plan->n_cut && plan->options.part != YL_WHOLE; i++)
        if (plan->cut[i] == v) return true;
    return false;
}

bool yl__plan_whole(const yl_plan *plan, int v)
{
    return plan->slice == plan->options.batch || plan->values[v].producer < 0 || yl__plan_kept(plan, v);
}

static size_t value_bytes(const yl_plan *plan, int v)
{
    yl_shape shape = plan->values[v].shape;
    if (!yl__plan_whole(plan, v)) shape.n = plan->slice;
    return (size_t)yl_shape_count(shape) * yl_dtype_bytes(plan->values[v].type);
}

/* Inputs that have to be of another type, for as long as the step runs. */
static yl_status place_turned(yl_plan *plan, int s)
{
    yl_plan_step *step = &plan->steps[s];
    const yl_layer *l = &plan->net->layers[step->layer];
    for (int k = 0; k < l->n_inputs; k++) {
        if (plan->values[l->inputs[k] + 1].type == step->setting.dtype) continue;
        YL_TRY(
            new_place(plan, yl_activation_bytes(&step->setting, step->setting.in[k]), false, &step->turned_place[k]));
        use(plan, step->turned_place[k], s);
    }
    return YL_OK;
}

/* May this step write its output over its input? Only where nobody else needs the input afterwards. */
static bool shares_with_input(const yl_plan *plan, const yl_plan_step *step)
{
    const yl_layer *l = &plan->net->layers[step->layer];
    const yl_value_info *input = &plan->values[l->inputs[0] + 1];
    if (plan->options.keep || !l->kind->in_place || l->n_inputs != 1 || input->readers != 1 || input->producer < 0)
        return false;
    if (step->output != step->layer || reads(plan, step) & YL_READS_X) return false;
    if (input->type != plan->values[step->output + 1].type) return false;
    if (yl__plan_kept(plan, l->inputs[0] + 1) ||
        yl__plan_whole(plan, step->output + 1) != yl__plan_whole(plan, l->inputs[0] + 1))
        return false;
    return !(reads(plan, &plan->steps[input->producer]) & YL_READS_Y);
}

static void count_readers(yl_plan *plan)
{
    for (int v = 0; v <= plan->net->n_layers; v++) {
        yl_value_info *value = &plan->values[v];
        value->producer = value->place = value->again = value->grad_place = -1;
        value->readers = value->grad_writes = 0;
    }
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        step->state_place = step->dx_dummy = step->again_at = -1;
        for (int k = 0; k < YL_MAX_INPUTS; k++) step->turned_place[k] = -1;
        for (int k = 0; k < YL__CALLS; k++) step->scratch_place[k] = -1;
        plan->values[step->output + 1].producer = s;
        for (int k = 0; k < l->n_inputs; k++) plan->values[l->inputs[k] + 1].readers++;
    }
    plan->n_places = plan->n_given = plan->n_again = 0;
}

/* Values that come from outside: the input, or the cut of a tail; they stay for the whole step. */
static yl_status place_given(yl_plan *plan)
{
    for (int v = 0; v <= plan->net->n_layers; v++) {
        yl_value_info *value = &plan->values[v];
        bool given = value->producer < 0 && (value->readers > 0 || (v == 0 && plan->options.part != YL_TAIL));
        if (!given) continue;
        YL_TRY(new_place(plan, value_bytes(plan, v), true, &value->place));
        use(plan, value->place, 0);
        use(plan, value->place, yl__moment_end(plan)); /* forward may run again */
        plan->n_given++;
    }
    return YL_OK;
}

static yl_status place_activations(yl_plan *plan)
{
    YL_TRY(place_given(plan));
    for (int s = 0; s < plan->n_steps; s++) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        yl_value_info *out = &plan->values[step->output + 1];
        if (shares_with_input(plan, step))
            out->place = plan->values[l->inputs[0] + 1].place;
        else
            YL_TRY(new_place(plan, value_bytes(plan, step->output + 1), yl__plan_whole(plan, step->output + 1),
                             &out->place));
        use(plan, out->place, s);
        if (yl__plan_kept(plan, step->output + 1)) use(plan, out->place, yl__moment_end(plan));
        if (yl__plan_kept(plan, step->output + 1) && plan->slice < plan->options.batch)
            use(plan, out->place, 0); /* the next slice runs the steps before */
        for (int k = 0; k < l->n_inputs; k++) use(plan, plan->values[l->inputs[k] + 1].place, s);
        YL_TRY(place_turned(plan, s));
        YL_TRY(place_scratch(plan, step, YL__CALL_FORWARD, s));
        if (l->kind->loss_parts) {
            use(plan, out->place, yl__moment_loss(plan));
            for (int k = 0; k < l->n_inputs && (reads(plan, step) & YL_READS_X); k++)
                use(plan, plan->values[l->inputs[k] + 1].place, yl__moment_loss(plan));
        }
        if (!step->needs.state) continue;
        YL_TRY(new_place(plan, step->needs.state, false, &step->state_place));
        use(plan, step->state_place, s);
        if (step->backward) use(plan, step->state_place, yl__moment_backward(plan, s));
    }
    return YL_OK;
}

/* ---- what backward reads ------------------------------------------------------------------------------------------------------- */

static int *place_in_backward(yl_value_info *value)
{
    return value->dropped ? &value->again : &value->place;
}

/* The step that made value v runs once more before the backward of step s: so may those before it whose values were dropped. */
static yl_status make_again(yl_plan *plan, int v, int s)
{
    yl_value_info *value = &plan->values[v];
    yl_plan_step *step = &plan->steps[value->producer];
    const yl_layer *l = &plan->net->layers[step->layer];
    for (int k = 0; k < l->n_inputs; k++) {
        yl_value_info *input = &plan->values[l->inputs[k] + 1];
        if (input->dropped && input->again < 0) YL_TRY(make_again(plan, l->inputs[k] + 1, s));
        use(plan, *place_in_backward(input), yl__moment_again(plan, s));
    }
    if (shares_with_input(plan, step))
        value->again = plan->values[l->inputs[0] + 1].again;
    else
        YL_TRY(new_place(plan, value_bytes(plan, v), false, &value->again));
    use(plan, value->again, yl__moment_again(plan, s));
    use(plan, step->state_place, yl__moment_again(plan, s));
    YL_TRY(place_scratch(plan, step, YL__CALL_AGAIN, yl__moment_again(plan, s)));
    step->again_at = s;
    plan->again[plan->n_again++] = value->producer;
    return YL_OK;
}

static yl_status place_read(yl_plan *plan, int v, int s)
{
    yl_value_info *value = &plan->values[v];
    if (value->dropped && value->again < 0) YL_TRY(make_again(plan, v, s));
    use(plan, *place_in_backward(value), yl__moment_backward(plan, s));
    return YL_OK;
}

static yl_status place_reads(yl_plan *plan)
{
    for (int s = plan->n_steps - 1; s >= 0; s--) {
        yl_plan_step *step = &plan->steps[s];
        const yl_layer *l = &plan->net->layers[step->layer];
        unsigned r = l->kind->loss_parts ? YL_READS_NOTHING : reads(plan, step);
        int moment = l->kind->loss_parts ? yl__moment_loss(plan) : yl__moment_backward(plan, s);
        if (l->kind->loss_parts || step->backward) YL_TRY(place_scratch(plan, step, YL__CALL_BACKWARD, moment));
        for (int k = 0; k < l->n_inputs && (r & YL_READS_X); k++) YL_TRY(place_read(plan, l->inputs[k] + 1, s));
        if (r & YL_READS_Y) YL_TRY(place_read(plan, step->output + 1, s));
    }
    return YL_OK;
}

/* ---- gradients ----------------------------------------------------------------------------------------------------------------- */

static bool wants_gradient(const yl_plan *plan, int v)
{
    return v == 0 ? plan->options.whole_gradient : plan->needs_grad[v - 1] && plan->reaches_loss[v - 1];
}

/* Backward over one step: its inputs' gradients come to life, the first writer overwrites, later ones add. */
static yl_status place_input_gradients(yl_plan *plan, int s, int moment)
{
    yl_plan_step *step = &plan->steps[s];
    const yl_layer *l = &plan->net->layers[step->layer];
    const yl_value_info *out = &plan->values[step->output + 1];
    for (int k = 0; k < l->n_inputs; k++) {
        yl_value_info *in = &plan->values[l->inputs[k] + 1];
        if (!wants_gradient(plan, l->inputs[k] + 1) || (in->producer < 0 && l->inputs[k] >= 0)) continue;
        step->dx_beta[k] = in->grad_writes++ > 0 ? 1.0f : 0.0f;
        bool share =
            l->kind->in_place && !l->kind->loss_parts && l->n_inputs == 1 && in->readers == 1 && !plan->options.keep;
        if (in->grad_place < 0 && share) in->grad_place = out->grad_place;
        if (in->grad_place < 0) YL_TRY(new_place(plan, value_bytes(plan, l->inputs[k] + 1), false, &in->grad_place));
        use(plan, in->grad_place, moment);
        if (plan->options.keep) use(plan, in->grad_place, yl__moment_end(plan));
        if (in->producer >= 0) use(plan, in->grad_place, yl__moment_backward(plan, in->producer));
    }
    return YL_OK;
}

/* Outputs that a caller compares with something after the losses: their gradients begin there, from zeros (run.c). */
static yl_status place_shown_gradients(yl_plan *plan)
{
    for (int v = 1; v < plan->net->n_layers; v++) { /* the last layer's gradient is given, or it is a loss */
        yl_value_info *value = &plan->values[v];
        bool trains = plan->options.mode == YL_TRAIN && value->producer >= 0 && plan->steps[value->producer].backward;
        if (!plan->shown[v - 1] || !trains || plan->net->layers[v - 1].kind->loss_parts) continue;
        YL_TRY(new_place(plan, value_bytes(plan, v), false, &value->grad_place));
        use(plan, value->grad_place, yl__moment_loss(plan));
        use(plan, value->grad_place, yl__moment_backward(plan, value->producer));
        value->grad_writes = 1;
    }
    return YL_OK;
}

static yl_status place_gradients(yl_plan *plan)
{
    YL_TRY(place_shown_gradients(plan));
    for (int s = 0; s < plan->n_steps; s++) { /* losses first: they all run at one moment, in order */
        if (!plan->net->layers[plan->steps[s].layer].kind->loss_parts) continue;
        if (plan->steps[s].backward) YL_TRY(place_input_gradients(plan, s, yl__moment_loss(plan)));
        int v = plan->net->layers[plan->steps[s].layer].inputs[0] + 1;
        if (plan->values[v].grad_place >= 0)
            continue; /* only the value of the loss is wanted: the kernel still needs room for dx */
        YL_TRY(new_place(plan, value_bytes(plan, v), false, &plan->steps[s].dx_dummy));
        use(plan, plan->steps[s].dx_dummy, yl__moment_loss(plan));
    }
    yl_value_info *last = &plan->values[plan->net->n_layers];
    if (plan->options.mode == YL_TRAIN && last->producer >= 0 && last->readers == 0 &&
        plan->steps[last->producer].backward && !plan->net->layers[plan->net->n_layers - 1].kind->loss_parts) {
        YL_TRY(new_place(plan, value_bytes(plan, plan->net->n_layers), false, &last->grad_place));
        use(plan, last->grad_place, yl__moment_loss(plan));
        use(plan, last->grad_place, yl__moment_backward(plan, last->producer));
    }
    for (int s = plan->n_steps - 1; s >= 0; s--)
        if (plan->steps[s].backward && !plan->net->layers[plan->steps[s].layer].kind->loss_parts)
            YL_TRY(place_input_gradients(plan, s, yl__moment_backward(plan, s)));
    return YL_OK;
}

static bool overlap(const yl_place *a, const yl_place *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Sort key: what the caller gives first, which so lies in one place whatever else does; then larger places first, ties by index, so that the
 * layout is the same in every run. */
typedef struct yl_order {
    size_t bytes;
    int index;
} yl_order;

static int by_size(const void *a, const void *b)
{
    const yl_order *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->index - y->index;
}

/* The lowest offset at which a place collides with none of the `done` places that are alive at the same time. */
static size_t lowest_offset(const yl_plan *plan, const yl_order *order, int done, const yl_place *place)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < done; i++) {
            const yl_place *other = &plan->places[order[i].index];
            bool apart = offset + place->bytes <= other->offset || other->offset + other->bytes <= offset;
            if (apart || other->own != place->own || !overlap(place, other)) continue;
            offset = other->offset + other->bytes;
            moved = true;
        }
    }
    return offset;
}

yl_status yl__plan_offsets(yl_plan *plan)
{
    yl_order *order;
    YL_TRY(yl__alloc(plan->n_places, sizeof *order, &order));
    for (int i = 0; i < plan->n_places; i++)
        order[i] = (yl_order){i < plan->n_given ? SIZE_MAX : plan->places[i].bytes, i};
    qsort(order, (size_t)plan->n_places, sizeof *order, by_size);
    size_t ends[2] = {0, 0}; /* of what all lanes share, and of a lane's own */
    for (int i = 0; i < plan->n_places; i++) {
        yl_place *place = &plan->places[order[i].index];
        place->offset = lowest_offset(plan, order, i, place);
        if (place->offset + place->bytes > ends[place->own]) ends[place->own] = place->offset + place->bytes;
    }
    for (int i = 0; i < plan->n_places; i++)
        if (plan->places[i].own) plan->places[i].offset += ends[0];
    plan->lane_bytes = ends[1];
    plan->arena_bytes = ends[0] + (size_t)plan->lanes * ends[1];
    yl__free(order);
    return YL_OK;
}

yl_status yl__plan_lifetimes(yl_plan *plan)
{
    count_readers(plan);
    YL_TRY(place_activations(plan));
    YL_TRY(place_reads(plan));
    return place_gradients(plan);
}
