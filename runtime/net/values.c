/* What goes into a plan and what comes out: its input, its cut, the layers' outputs and gradients. The arena they lie in is shared by
 * the network's plans, so each of these functions first asks whose values it holds. */
#include "net/plan_impl.h"
#include "core/half.h"

yl_status yl__plan_take(yl_plan *plan, const char *what)
{
    YL_TRY(yl__net_runnable(plan->net, what));
    plan->net->workspace.holder = plan;
    plan->stage = YL__FED;
    return YL_OK;
}

yl_status yl__plan_check(const yl_plan *plan, yl__stage least, const char *what)
{
    static const char *const calls[] = {"", "", "forward", "loss", "backward"};
    bool holds = plan->net->workspace.holder == plan;
    if (holds && plan->stage >= least) return YL_OK;
    if (!holds && plan->stage != YL__NOTHING)
        return yl__fail(
            YL_INVALID,
            "%s: another plan of this network has run since and overwrote this one's values, which share its "
            "memory: give it its input again%s",
            what, least > YL__FED ? " and run forward" : "");
    if (least == YL__FED) return yl__fail(YL_INVALID, "%s: give the plan its input first", what);
    return yl__fail(YL_INVALID, "%s: run %s first", what, calls[plan->stage < YL__FORWARD ? YL__FORWARD : least]);
}

static yl_status check_floats(yl_view view, const char *what)
{
    if (view.type == YL_F32) return YL_OK;
    return yl__fail(YL_UNSUPPORTED, "%s: expected activations of type f32, got %s", what, yl_dtype_name(view.type));
}

/* Numbers of other types than f32 are turned piece by piece on the stack: a step allocates nothing. */
enum { PIECE = 32768 };

static yl_view piece_of(yl_view view, int64_t first, int64_t *count)
{
    int64_t left = yl_shape_count(view.shape) - first;
    *count = left < PIECE ? left : PIECE;
    view.data = (char *)view.data + (size_t)first * yl_dtype_bytes(view.type);
    return view;
}

static yl_status read_piece(yl_device *device, yl_view view, int64_t count, float *numbers)
{
    uint16_t halves[PIECE];
    const uint8_t *bytes = (const uint8_t *)halves;
    YL_TRY(device->from_device(device, halves, view.data, (size_t)count * yl_dtype_bytes(view.type)));
    for (int64_t i = 0; i < count; i++)
        numbers[i] = yl_is_half(view.type) ? yl_half_real(view.type, halves[i]) : yl_quant_real(view.quant, bytes[i]);
    return YL_OK;
}

static yl_status write_piece(yl_device *device, yl_view view, int64_t count, const float *numbers)
{
    uint16_t halves[PIECE];
    for (int64_t i = 0; i < count; i++) halves[i] = yl_half_nearest(view.type, numbers[i]);
    return device->to_device(device, view.data, halves, (size_t)count * sizeof *halves);
}

yl_status yl_view_read(yl_device *device, yl_view view, float *numbers)
{
    if (!yl_is_half(view.type) && !(view.type == YL_U8 && view.quant.scale > 0)) {
        YL_TRY(check_floats(view, "read"));
        return device->from_device(device, numbers, view.data, yl_view_bytes(view));
    }
    for (int64_t first = 0, count; first < yl_shape_count(view.shape); first += count) {
        yl_view piece = piece_of(view, first, &count);
        YL_TRY(read_piece(device, piece, count, numbers + first));
    }
    return YL_OK;
}

yl_status yl_view_write(yl_device *device, yl_view view, const float *numbers)
{
    if (!yl_is_half(view.type)) {
        YL_TRY(check_floats(view, "write"));
        return device->to_device(device, view.data, numbers, yl_view_bytes(view));
    }
    for (int64_t first = 0, count; first < yl_shape_count(view.shape); first += count) {
        yl_view piece = piece_of(view, first, &count);
        YL_TRY(write_piece(device, piece, count, numbers + first));
    }
    return YL_OK;
}

/* Value v as it lies at that place, -1: nowhere. */
static yl_view view_at(const yl_plan *plan, int v, int place)
{
    const yl_value_info *value = &plan->values[v];
    return (yl_view){yl__plan_at(plan, place), value->type, value->shape, value->quant};
}

yl_view yl__plan_gradient_view(const yl_plan *plan, int v)
{
    return view_at(plan, v, plan->values[v].grad_place);
}

bool yl_plan_has_input(const yl_plan *plan)
{
    return plan->options.part != YL_TAIL && plan->values[0].place >= 0;
}

yl_status yl_plan_input(yl_plan *plan, yl_view *input)
{
    if (!yl_plan_has_input(plan)) return yl__fail(YL_INVALID, "input: a tail starts at the cut and has no input");
    YL_TRY(yl__plan_take(plan, "input"));
    *input = view_at(plan, 0, plan->values[0].place);
    return YL_OK;
}

yl_status yl_plan_feed(yl_plan *plan, const float *input)
{
    yl_view to;
    YL_TRY(yl_plan_input(plan, &to));
    return yl_view_write(plan->net->device, to, input);
}

yl_status yl_plan_feed_from(yl_plan *plan, const yl_plan *other)
{
    yl_view from, to;
    yl_shape a = other->values[0].shape, b = plan->values[0].shape;
    if (plan->net == other->net)
        return yl__fail(YL_INVALID, "feed_from: both plans run one network, whose plans share their memory");
    if (!yl_plan_has_input(other)) return yl__fail(YL_INVALID, "feed_from: a tail starts at the cut and has no input");
    if (a.n != b.n || a.h != b.h || a.w != b.w || a.c != b.c)
        return yl__fail(YL_INVALID,
                        "feed_from: expected an input of {%lld, %lld, %lld, %lld}, got {%lld, %lld, %lld, %lld}",
                        (long long)b.n, (long long)b.h, (long long)b.w, (long long)b.c, (long long)a.n, (long long)a.h,
                        (long long)a.w, (long long)a.c);
    YL_TRY(yl_plan_output(other, -1, &from));
    YL_TRY(yl_plan_input(plan, &to));
    if (from.type != to.type)
        return yl__fail(YL_INVALID, "feed_from: expected an input of type %s, got %s", yl_dtype_name(to.type),
                        yl_dtype_name(from.type));
    return plan->net->device->copy(plan->net->device, to.data, from.data, yl_view_bytes(from));
}

int yl_plan_cut_count(const yl_plan *plan)
{
    return plan->n_cut;
}

void yl_plan_cut(const yl_plan *plan, int i, int *layer, yl_shape *shape)
{
    *layer = plan->cut[i] - 1;
    *shape = plan->values[plan->cut[i]].shape;
}

yl_status yl_plan_cut_data(yl_plan *plan, int i, yl_view *cut)
{
    YL_TRY(plan->options.part == YL_TAIL ? yl__plan_take(plan, "cut") : yl__plan_check(plan, YL__FORWARD, "cut"));
    *cut = view_at(plan, plan->cut[i], plan->values[plan->cut[i]].place);
    return YL_OK;
}

yl_shape yl_plan_shape(const yl_plan *plan, int layer)
{
    return plan->values[layer + 1].shape;
}

yl_status yl_plan_output(const yl_plan *plan, int layer, yl_view *output)
{
    int place = plan->values[layer + 1].place;
    *output = view_at(plan, layer + 1, -1);
    YL_TRY(yl__plan_check(plan, layer < 0 ? YL__FED : YL__FORWARD, "output"));
    if (place >= 0 && plan->places[place].last == yl__moment_end(plan)) *output = view_at(plan, layer + 1, place);
    return YL_OK;
}

yl_status yl_plan_gradient(const yl_plan *plan, int layer, yl_view *gradient)
{
    *gradient = view_at(plan, layer + 1, -1);
    YL_TRY(yl__plan_check(plan, YL__BACKWARD, "gradient"));
    if (plan->options.keep) *gradient = yl__plan_gradient_view(plan, layer + 1);
    return YL_OK;
}
